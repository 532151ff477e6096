"""What a user is told when a server does not come up: the reason, then the last lines it printed."""

from __future__ import annotations

from pathlib import Path

from hubkiln.errors import ServiceError
from hubkiln.spawners.server_log import tail


def died(log: Path, code: int, out_of_memory: bool, mem_limit: int | None) -> ServiceError:
    """The error for a server that ended with `code` before it listened."""
    if out_of_memory:
        size = f" of {mem_limit / 2**30:.1f} GiB" if mem_limit else ""
        return ServiceError(f"The server needed more memory than its limit{size}.", hint="Choose a larger profile.")
    last = " ".join(tail(log)[-5:]) or "It printed nothing."
    if code == 127:
        return ServiceError(
            f"The image has no jupyterhub-singleuser. {last}", hint="Choose an image that has JupyterHub installed."
        )
    return ServiceError(f"The server ended with exit code {code} before it was ready. {last}")
