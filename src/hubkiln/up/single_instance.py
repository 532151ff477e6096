"""One hub per data folder: a lock that the kernel frees when its holder ends, however that happens."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubkiln.errors import Conflict


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """
    Hold the lock of `folder`.

    Raises:
        Conflict: another process holds it; the message says which.
    """
    path = folder / "up.lock"
    path.touch(mode=0o600)
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Hubkiln is already running on {folder}, as process {file.read().strip() or 'unknown'}.",
                hint="Stop it first, or choose another folder with --data-dir.",
            ) from None
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
