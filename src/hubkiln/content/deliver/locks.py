"""What another git, or a person, left in a repository in the middle of something: lock files, an unfinished merge."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from .report import Kept, shown

AGE = 1.0
"""Seconds for which a lock must have stayed as it is: git holds one for moments."""
PATIENCE = 20.0
"""Seconds to wait for another delivery, or for a git that is at work."""

_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "sequencer": "cherry-pick",
    "BISECT_LOG": "bisect",
}


def unfinished(place: str, folder: str, unmerged: str) -> None:
    """
    Leave alone what the user is in the middle of in `folder`; `unmerged` is what git lists of conflicts.

    Raises:
        Kept: something is unfinished in the repository at `place`.
    """
    for name, what in _UNFINISHED.items():
        path = os.path.join(place, name)
        if os.path.lexists(path):
            end = "git bisect reset" if what == "bisect" else f"git {what} --abort"
            raise Kept(
                f"a {what} is unfinished in {shown(folder)}. Finish it, or end it with `{end}`; "
                f"if neither works, remove {shown(path)}"
            )
    if unmerged:
        paths = sorted({shown(line.partition("\t")[2]) for line in unmerged.split("\0") if line})
        raise Kept(
            f"{shown(folder)} holds conflicts that are not settled: {', '.join(paths[:5])}. "
            f"Settle them and `git add` them, or give them up with `git checkout HEAD -- <file>`; "
            f"if neither works, remove {shown(place)}/index"
        )


def break_stale(place: str, folder: str, patience: float = PATIENCE) -> None:
    """
    Remove the lock files in the repository at `place` that nobody holds; wait `patience` seconds for who does.

    Raises:
        Kept: a git that runs here holds one.
    """
    since = time.monotonic()
    for path in list(_locks(place)):
        while (before := _seen(path)) is not None:
            waited = time.monotonic() - since
            if holder := _holder(path, folder):
                if waited > patience:
                    raise Kept(
                        f"git is at work in {shown(folder)} (process {holder}) and holds {shown(path)}. "
                        "If it is not, remove that file"
                    )
            elif time.time() - before[0] > AGE or waited > AGE:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                break
            time.sleep(0.05)


def _locks(place: str) -> Iterator[str]:
    for parent, folders, files in os.walk(place):
        if parent == place:
            folders[:] = [name for name in folders if name in ("refs", "objects", "logs", "info", "worktrees")]
        elif os.path.basename(parent) == "objects":
            folders[:] = [name for name in folders if name == "info"]
        yield from (os.path.join(parent, name) for name in files if name.endswith(".lock"))


def _seen(path: str) -> tuple[float, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime, found.st_size


def _holder(path: str, folder: str) -> str:
    """The id of a process that has `path` open, or is a git at work in `folder`; empty if none is seen."""
    real = os.path.realpath(folder)
    for process in (name for name in _listed("/proc") if name.isdigit() and name != str(os.getpid())):
        with contextlib.suppress(OSError):
            with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
            place = os.readlink(f"/proc/{process}/cwd")
            if name.startswith("git") and (place == real or place.startswith(f"{real}/")):
                return process
            for number in _listed(f"/proc/{process}/fd"):
                if os.readlink(f"/proc/{process}/fd/{number}") == os.path.realpath(path):
                    return process
    return ""


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """
    One delivery at a time; the system lets go of the lock when a process dies.

    Raises:
        Kept: another delivery does not end.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab") as file:
        since = time.monotonic()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - since > PATIENCE:
                    raise Kept("another server of yours is bringing them there at this moment") from None
                time.sleep(0.1)
            except OSError:
                break  # a file system without locks
        yield
