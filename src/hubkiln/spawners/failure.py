"""What a user is told when a server does not come up: the reason, then the last lines it printed."""

from __future__ import annotations

import re
from pathlib import Path

from jupyterhub.spawner import SpawnException

from hubkiln.errors import HubkilnError, ServiceError

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECRET = re.compile(r"(token=|TOKEN['\"]?[=:]\s*['\"]?)[0-9a-f]{16,}")
_TAIL = 65536
_OURS = "Hubkiln: "


class ServerFailed(SpawnException):  # type: ignore[misc]
    """A server that did not start, in words that JupyterHub shows on its page."""

    def __init__(self, error: HubkilnError) -> None:
        super().__init__(str(error), reason=error.code, status_code=error.status)
        self.jupyterhub_message = str(error)

    def __str__(self) -> str:
        return str(self.jupyterhub_message)


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


def tail(log: Path) -> list[str]:
    """The last lines of `log`, without colours, tokens and empty lines."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    plain = _SECRET.sub(r"\1…", _COLOUR.sub("", text))
    return [line.strip()[:500] for line in plain.splitlines() if line.strip()]


def shown(log: Path) -> list[str]:
    """What the delivery said, for the progress page."""
    return [line.removeprefix(_OURS) for line in tail(log) if line.startswith(_OURS)]
