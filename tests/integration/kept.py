"""What is dear to make is kept in ``~/.cache/hubkiln-tests``, and made by one of the processes that run tests."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubkiln-tests"


@contextmanager
def alone(what: str, folder: Path = CACHE) -> Iterator[None]:
    """Nobody else makes `what` in `folder` meanwhile; whoever comes second finds it made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def end_pause(folder: Path) -> None:
    """End the process with which an ordinary user's Podman, whose notes are in `folder`, keeps its user namespace."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / "pause.pid").read_text()), signal.SIGKILL)


def remove_behind(folder: Path) -> None:
    """Remove `folder` while we go on: for a hundred thousand files it takes as long as some tests."""
    opened = 'find "$0" -type d ! -perm -u=rwx -exec chmod u+rwx {} ";"'  # the kernel's own, which keep us out
    first = "true" if os.geteuid() == 0 else opened
    subprocess.run(["sh", "-c", f'({first}; rm -rf "$0") >/dev/null 2>&1 &', folder], check=True)


def give_all(data: Path, to: Path) -> None:
    """Give the data folder `to`, which is new, all that is made in `data`: stores as links, what changes as copies."""
    give_stores(data, to, "environments", "cache")
    subprocess.run(["cp", "-a", *data.glob("hubkiln.sqlite*"), data / "images", data / "content", to], check=True)


def give_stores(data: Path, to: Path, *more: str) -> None:
    """Give the data folder `to` the wheels of `data`, what was unpacked of them, and `more`: as links if possible."""
    to.mkdir(parents=True, exist_ok=True)
    stores = [data / name for name in ("wheels", "trees", *more)]
    if subprocess.run(["cp", "-al", *stores, to], capture_output=True, check=False).returncode:
        subprocess.run(["cp", "-a", *stores, to], check=True)
