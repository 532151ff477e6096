"""A process's own folder for unfinished things: what a killed one left is known from what the living work on.

A desk lies in the data folder's ``work/``. Its process holds it by a lock on the folder itself, which the kernel frees
with the process; taking a desk and clearing them exclude each other, as using and collecting do.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubkiln.removal import remove
from hubkiln.stores.trash import Trash
from hubkiln.stores.uses import alone, shared

WORK = "work"
"""In the data folder."""

_BEGINNING = "desk-"


@contextmanager
def own_desk(root: Path, remove: Callable[[Path], None] = remove) -> Iterator[str]:
    """The name of a folder below ``work/`` that is ours until the block ends; it goes with all that is left in it."""
    name = _BEGINNING + secrets.token_hex(4)
    folder = root / WORK / name
    with shared(root):
        folder.mkdir(parents=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield name
    finally:
        trash = Trash(root, remove)
        trash.take(folder)
        os.close(handle)
        trash.empty()


def left_desk(folder: Path) -> bool:
    """Whether `folder` is a desk whose process has ended."""
    return folder.name.startswith(_BEGINNING) and not _held(folder)


def held_desks(root: Path) -> frozenset[str]:
    """Names of the desks of processes that live."""
    return frozenset(folder.name for folder in (root / WORK).glob(f"{_BEGINNING}*") if _held(folder))


def clear_desks(root: Path, remove: Callable[[Path], None] = remove) -> None:
    """Take away what ended processes left at theirs; what cannot go now goes another time. Blocks."""
    trash = Trash(root, remove)
    with suppress(OSError):
        with alone(root):
            for folder in (root / WORK).glob(f"{_BEGINNING}*"):
                if left_desk(folder):
                    trash.take(folder)
        trash.empty()


def _held(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
