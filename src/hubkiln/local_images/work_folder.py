"""The folder for unfinished things: shared by all who build on one data folder, emptied when nobody does.

A process that is killed cannot clean up. Everyone who builds holds a shared lock; whoever finds none held removes
what the dead left. What is at a desk of its own (:func:`hubkiln.stores.own_desk`) need not wait for that.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hubkiln.data_dir import DataDir
from hubkiln.sandbox import remove_left
from hubkiln.stores import clear_desks, own_desk


@contextmanager
def in_use(data: DataDir) -> Iterator[None]:
    """We build in `data` until the block ends; what others left is removed first, if none of them is at work."""
    data.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data.root / "work.lock").open("a") as lock:  # the kernel frees it when we end, however that happens
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            for left in data.work.iterdir():
                if left.is_dir() and not left.is_symlink():
                    remove_left(left)
                else:
                    left.unlink(missing_ok=True)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def at_desk(data: DataDir) -> Iterator[DataDir]:
    """`data`, in use, with a folder of this process's own for unfinished things; what ended ones left goes first."""
    with in_use(data):
        clear_left(data)
        with own_desk(data.root, remove_left) as desk:
            yield replace(data, desk=desk)


def clear_left(data: DataDir) -> None:
    """Take away what ended processes left at their desks. Blocks."""
    clear_desks(data.root, remove_left)
