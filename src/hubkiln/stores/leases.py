"""Who is at work on a data folder: a locked file for each, which a dead holder's kernel unlocks.

A build takes things from many stores over minutes. It holds a lease, and nothing that was used since it began is
collected: so it need not say what it uses, only mark it (:mod:`hubkiln.stores.uses`).
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubkiln.stores.interface import Lease
from hubkiln.stores.uses import shared

FOLDER = "leases"


@contextmanager
def lease(root: Path, what: str) -> Iterator[None]:
    """We are at work in the data folder `root` until the block ends; `what` says so to people."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / uuid.uuid4().hex
    with shared(root):
        file = path.open("x")
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"since": time.time(), "running": _running(), "what": what, "pid": os.getpid()}, file)
        file.flush()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def live_leases(root: Path, now: Callable[[], float] = time.time) -> list[Lease]:
    """Those whose holders live; the others' are removed. Call it while nobody can take one (:func:`alone`)."""
    found = []
    for path in sorted((root / FOLDER).glob("[0-9a-f]" * 32)):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(_read(path, file.read(), now()))
            else:
                path.unlink(missing_ok=True)
    return found


def _running() -> float:
    """Seconds that this machine has run: nobody sets that clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _read(path: Path, text: bytes, now: float) -> Lease:
    try:
        told = json.loads(text)
        since = float(told["since"])
        if since <= now and "running" in told:  # the clock may have been set back meanwhile, and caught up since
            since = min(since, now - (_running() - float(told["running"])))
        return Lease(since=since, what=str(told["what"]), pid=int(told["pid"]))
    except (ValueError, LookupError, TypeError):  # a full disk: it is held all the same
        return Lease(since=path.stat().st_mtime, what="something", pid=0)
