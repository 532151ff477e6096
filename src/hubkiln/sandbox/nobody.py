"""How other people's programs that work on strangers' data are run outside a sandbox: git, uv.

Where we are root they are nobody, with an own list of processes and no capability. They see the host read-only, without
root's home, the data folder and what others keep in ``/tmp``; what they work with lies where it always does, and what
they are to write is given to them. Afterwards it is as good as a stranger's: read by name, through no link.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from hubkiln.beneath import Beneath
from hubkiln.confined import OUTSIDE_UID
from hubkiln.errors import EngineMissing
from hubkiln.processes import CERTIFICATES, clean_environment
from hubkiln.removal import remove
from hubkiln.sandbox.bubblewrap import parents
from hubkiln.sandbox.settings import host_settings
from hubkiln.sandbox.tools import find_bwrap

_OWN = ("/tmp", "/var/tmp", "/run")
"""Folders that are empty for each."""

_NAMES = ("/run/systemd/resolve", "/run/nscd")
"""What finding addresses by name may take, of what is in ``/run``."""

_DROP = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
"""To become nobody, and to begin in a folder that is nobody's."""

_NOWHERE: Mapping[Path, Path] = {}

_NOTHING = ("--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")


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
    for folder in readable:
        if any(folder.is_relative_to(one) for one in hidden):  # which are closed: nobody else gets there
            folder.chmod(folder.stat().st_mode | 0o055)
    return (*_words(found, python, hidden, readable, writable, moved), "--")


def give(folder: Path) -> None:
    """Give the existing `folder`, not what is in it, to nobody."""
    with Beneath(folder) as beneath:
        os.fchown(beneath.handle, OUTSIDE_UID, OUTSIDE_UID)
        os.fchmod(beneath.handle, 0o755)


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
    _own(folder, OUTSIDE_UID)


def take_back(folder: Path) -> None:
    """Make `folder` and all in it ours, through no link, where we are root. Blocks."""
    _own(folder, 0)


def _own(folder: Path, uid: int) -> None:
    if os.geteuid() != 0:
        return
    with Beneath(folder) as beneath:
        os.chown(beneath.handle, uid, uid)
        for found in beneath.walk():
            os.chown(found.name, uid, uid, dir_fd=found.folder, follow_symlinks=False)


def _words(
    program: str,
    python: bool,
    hidden: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    moved: Mapping[Path, Path] = _NOWHERE,
) -> list[str]:
    shown = list(_shown(program, python))
    seen = [(folder, folder) for folder in (*readable, *writable)] + list(moved.items())
    worked = [place for _, there in seen for place in _places(there, hidden)]
    closed = dict.fromkeys([*map(Path, _OWN), Path(pwd.getpwuid(0).pw_dir), *_closed([*shown, *worked])])
    words = [str(find_bwrap(host_settings().bwrap)), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    words += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--setenv", "TMPDIR", "/tmp"]
    for folder in sorted(closed):
        if folder.is_dir() and closed.keys().isdisjoint(folder.parents):
            words += ["--perms", "1777" if "tmp" in folder.name else "0755", "--tmpfs", str(folder)]
    for path in dict.fromkeys(shown):
        words += [*parents(str(path)), "--ro-bind", str(path), str(path)]
    for name in _NAMES:
        words += ["--ro-bind-try", name, name]
    for folder in hidden:
        if folder.is_dir():
            words += [*parents(str(folder.resolve())), "--perms", "0755", "--tmpfs", str(folder.resolve())]
    for folder, there in seen:
        how = "--ro-bind" if folder in readable else "--bind"
        for place in _places(there, hidden):
            words += [*parents(str(place)), how, str(folder.resolve()), str(place)]
    words += ["--cap-drop", "ALL", *(word for name in _DROP for word in ("--cap-add", name)), "--"]
    drop = shutil.which("setpriv") or "setpriv"
    return [*words, drop, f"--reuid={OUTSIDE_UID}", f"--regid={OUTSIDE_UID}", "--clear-groups", *_NOTHING]


def _places(folder: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """Where `folder` is looked for: a folder in a hidden one may be a link, to another disk."""
    yield folder.resolve()
    for one in hidden:
        if folder.absolute().is_relative_to(one.absolute()):
            inner = one.resolve() / folder.absolute().relative_to(one.absolute())
            if inner != folder.resolve():
                yield inner


def _shown(program: str, python: bool) -> Iterator[Path]:
    """What it takes to run, wherever it is."""
    yield from _really(Path(program))
    for name in CERTIFICATES:
        if os.environ.get(name):
            yield from _really(Path(os.environ[name]))
    if python:
        for text in (sys.executable, sys.prefix, sys.base_prefix, *filter(None, sys.path)):
            yield from _really(Path(text))


def _really(path: Path) -> Iterator[Path]:
    """`path` and what it is a link to, as far as it is there and not open to everybody."""
    for one in dict.fromkeys((path.absolute(), path.resolve())):
        if one.exists() and any(_closed([one])):
            yield one


def _closed(paths: Sequence[Path]) -> Iterator[Path]:
    """The outermost folder above each of `paths` that others may not enter, or that is not what it is outside."""
    for path in paths:
        for folder in reversed(path.parents):
            if str(folder) in _OWN or not folder.stat().st_mode & 0o001:
                yield folder
                break


def _starts(program: str, python: bool) -> bool:
    """Whether `program` can be run so, when we are root; tried once."""
    return _started(program, python, host_settings().bwrap)


@cache
def _started(program: str, python: bool, bwrap: Path | None) -> bool:
    if shutil.which("setpriv") is None:
        return False
    tries = [[program, "--version"], *([[sys.executable, "-P", "-c", "import hubkiln.errors"]] if python else [])]
    try:
        words = [*_words(program, python), "--"]
    except EngineMissing:
        return False
    env = clean_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return all(
        subprocess.run([*words, *one], capture_output=True, check=False, env=env).returncode == 0 for one in tries
    )
