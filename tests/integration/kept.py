"""What is dear to make is kept in ``~/.cache/hubkiln-tests``, and made by one of the processes that run tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubkiln-tests"


@contextmanager
def alone(what: str, folder: Path = CACHE) -> Iterator[None]:
    """Nobody else makes `what` in `folder` meanwhile; whoever comes second finds it made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def give_stores(data: Path, to: Path) -> None:
    """Give the data folder `to` the wheels that `data` has, and what was unpacked of them: as links where possible."""
    to.mkdir(parents=True, exist_ok=True)
    stores = [data / "wheels", data / "trees"]
    if subprocess.run(["cp", "-al", *stores, to], capture_output=True, check=False).returncode:
        subprocess.run(["cp", "-a", *stores, to], check=True)
