"""How other people's programs that work on strangers' data are run outside a sandbox: git, uv.

Where we are root they are nobody, with an own list of processes and no capability. They see the host read-only, without
root's home, the data folder and what others keep in ``/tmp``; what they work with lies where it always does, and what
they are to write is given to them. Afterwards it is as good as a stranger's: read by name, through no link.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from hubkiln.beneath import Beneath
from hubkiln.confined import OUTSIDE_UID
from hubkiln.errors import EngineMissing
from hubkiln.processes import clean_environment
from hubkiln.removal import remove
from hubkiln.sandbox.nobody_view import dropping, words
from hubkiln.sandbox.settings import host_settings

_NOWHERE: Mapping[Path, Path] = {}


def as_nobody(
    program: str | Path,
    *,
    hidden: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    moved: Mapping[Path, Path] = _NOWHERE,
    python: bool = False,
) -> tuple[str, ...]:
    """
    Words before the command line of `program`, which it takes to run it as nobody; see above.

    Of the folders `hidden` it sees what is `readable` and `writable`, which is given to it; so is each of `moved`,
    which it sees where that will be one day. With `python` it may run ours. No words where we are not root, or it
    cannot be run so.
    """
    found = shutil.which(program)
    if os.geteuid() != 0 or found is None or not _starts(found, python):
        return ()
    for folder in (*writable, *moved):
        give(folder)
    open_hidden(readable, hidden)
    seen = words([found], python=python, hidden=hidden, readable=readable, writable=writable, moved=moved)
    return (*seen, *dropping(OUTSIDE_UID), "--")


def give(folder: Path, uid: int = OUTSIDE_UID) -> None:
    """Give the existing `folder`, not what is in it, to nobody."""
    with Beneath(folder) as beneath:
        os.fchown(beneath.handle, uid, uid)
        os.fchmod(beneath.handle, 0o755)


def open_hidden(folders: Sequence[Path], hidden: Sequence[Path]) -> None:
    """Let everybody into those of `folders` that lie in `hidden`, which are closed: nobody else gets there."""
    for folder in folders:
        if any(folder.is_relative_to(one) for one in hidden):
            folder.chmod(folder.stat().st_mode | 0o055)


def given(folder: Path, program: str | Path, *, python: bool = False) -> None:
    """
    Make `folder` where it is not there, for what `program` keeps in it; one that was another's is made anew. Blocks.

    Whose it is to be depends on whether the program can be run as nobody; see :func:`as_nobody`.
    """
    found = shutil.which(program)
    owner = OUTSIDE_UID if os.geteuid() == 0 and found is not None and _starts(found, python) else os.geteuid()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Beneath(folder.parent) as beneath:
        fcntl.flock(beneath.handle, fcntl.LOCK_EX)  # two that come at once must not take away what the other has made
        if os.geteuid() == 0 and folder.exists() and folder.stat().st_uid != owner:
            remove(folder)
        if not folder.exists():
            folder.mkdir()
            os.chown(folder, owner, -1)


def give_whole(folder: Path) -> None:
    """Give `folder` and all in it to nobody, through no link, where we are root. Blocks."""
    _own(folder, (OUTSIDE_UID, OUTSIDE_UID))


def take_back(folder: Path, owner: tuple[int, int] | None = None) -> None:
    """Make `folder` and all in it ours, or `owner`'s (uid and gid), through no link, where we are root. Blocks."""
    _own(folder, owner or (0, 0))


def _own(folder: Path, owner: tuple[int, int]) -> None:
    if os.geteuid() != 0:
        return
    with Beneath(folder) as beneath:
        os.chown(beneath.handle, *owner)
        for found in beneath.walk():
            os.chown(found.name, *owner, dir_fd=found.folder, follow_symlinks=False)


def _starts(program: str, python: bool) -> bool:
    """Whether `program` can be run so, when we are root; tried once."""
    return _started(program, python, host_settings().bwrap)


@cache
def _started(program: str, python: bool, bwrap: Path | None) -> bool:
    if shutil.which("setpriv") is None:
        return False
    tries = [[program, "--version"], *([[sys.executable, "-P", "-c", "import hubkiln.errors"]] if python else [])]
    try:
        wall = [*words([program], python=python), *dropping(OUTSIDE_UID), "--"]
    except EngineMissing:
        return False
    env = clean_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return all(
        subprocess.run([*wall, *one], capture_output=True, check=False, env=env).returncode == 0 for one in tries
    )
