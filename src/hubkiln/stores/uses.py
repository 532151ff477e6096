"""When a thing was last used: the time of its own folder or file, so it costs nothing to keep.

Using and collecting exclude each other for a moment by one lock of the data folder. Whoever marks a thing as used and
then finds it there may count on it: a collector that comes later sees the mark.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = "gc.lock"
"""In the data folder. Where there is none, nothing is ever collected."""

WINDOW = 60.0
"""Seconds within which a thing is not marked again; what was used so long before somebody came is taken as used."""


def use(root: Path, *paths: Path) -> None:
    """
    Mark those of `paths` that are there as used now; call it before looking whether they are.

    `root` is the data folder. Costs some microseconds for each, and waits some milliseconds at most.
    """
    with shared(root) as collected:
        if not collected:
            return
        now = time.time()
        for path in paths:
            with suppress(OSError):
                if not now - WINDOW < path.stat().st_mtime <= now:
                    os.utime(path, (now, now))


@contextmanager
def shared(root: Path) -> Iterator[bool]:
    """Nothing is taken away meanwhile; gives False where nothing ever is."""
    try:
        lock = (root / LOCK).open("rb")
    except FileNotFoundError:
        yield False
        return
    with lock:  # the kernel frees it when we end, however that happens
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield True


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody marks anything meanwhile: for some milliseconds at a time."""
    with (root / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
