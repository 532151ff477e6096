"""What Podman leaves running for an ordinary user it was asked by: a process that holds its namespaces open for later.

After a question alone there is no later, so it is ended. Containers that run hold their namespaces themselves.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_COMMAND = ("catatonit", "-P")


@contextmanager
def nothing_left() -> Iterator[None]:
    """End what Podman began to hold in this block; what it held before stays."""
    if os.geteuid() == 0:  # root's Podman needs no namespaces of its own
        yield
        return
    before = _holding()
    try:
        yield
    finally:
        for pid in _holding() - before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _holding() -> set[int]:
    """Pids of such processes of ours."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _holds(folder)}


def _holds(process: Path) -> bool:
    with suppress(OSError):
        words = (process / "cmdline").read_text(errors="replace").split("\0")[:2]
        return process.stat().st_uid == os.geteuid() and (Path(words[0]).name, *words[1:]) == _COMMAND
    return False
