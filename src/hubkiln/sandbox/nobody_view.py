"""What a program that is nobody sees of this machine, where we are root: the host read-only, and no other process.

Root's home, what others keep in ``/tmp`` and the folders that are hidden are empty to it, but for what it works with,
which lies where it always does. Folders above that are open to it, whoever may enter them outside.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hubkiln.processes import CERTIFICATES
from hubkiln.sandbox.bubblewrap import parents
from hubkiln.sandbox.settings import host_settings
from hubkiln.sandbox.tools import find_bwrap

_OWN = ("/tmp", "/var/tmp", "/run")
"""Folders that are empty for each."""

_NAMES = ("/run/systemd/resolve", "/run/nscd")
"""What finding addresses by name may take, of what is in ``/run``."""

DROP = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
"""To become nobody, and to begin in a folder that is nobody's."""

_NOWHERE: Mapping[Path, Path] = {}

_NOTHING = ("--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")


def words(
    programs: Sequence[str | Path],
    *,
    python: bool = False,
    hidden: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    moved: Mapping[Path, Path] = _NOWHERE,
    network: bool = True,
    capabilities: Sequence[str] = DROP,
) -> list[str]:
    """
    Bubblewrap's words for such a view, in which `programs` can run, and ours if `python`.

    Of the folders `hidden` it has what is `readable` and `writable`, and each of `moved` at the place that it names.

    Raises:
        EngineMissing: there is no bubblewrap.
    """
    shown = list(_shown(programs, python))
    seen = [(folder, folder) for folder in (*readable, *writable)] + list(moved.items())
    worked = [place for _, there in seen for place in _places(there, hidden)]
    closed = dict.fromkeys([*map(Path, _OWN), Path(pwd.getpwuid(0).pw_dir), *_closed([*shown, *worked])])
    made = [str(find_bwrap(host_settings().bwrap)), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    made += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", *([] if network else ["--unshare-net"])]
    made += ["--die-with-parent", "--setenv", "TMPDIR", "/tmp"]
    for folder in sorted(closed):
        if folder.is_dir() and closed.keys().isdisjoint(folder.parents):
            made += ["--perms", "1777" if "tmp" in folder.name else "0755", "--tmpfs", str(folder)]
    for path in dict.fromkeys(shown):
        made += [*parents(str(path)), "--ro-bind", str(path), str(path)]
    for name in _NAMES:
        made += ["--ro-bind-try", name, name]
    for folder in hidden:
        if folder.is_dir():
            made += [*parents(str(folder.resolve())), "--perms", "0755", "--tmpfs", str(folder.resolve())]
    for folder, there in seen:
        how = "--ro-bind" if folder in readable else "--bind"
        for place in _places(there, hidden):
            made += [*parents(str(place)), how, str(folder.resolve()), str(place)]
    return [*made, "--cap-drop", "ALL", *(word for name in capabilities for word in ("--cap-add", name)), "--"]


def dropping(uid: int) -> list[str]:
    """Words after those, with which the program that follows has the uid and gid `uid`, and no privilege."""
    drop = shutil.which("setpriv") or "setpriv"
    return [drop, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *_NOTHING]


def _places(folder: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """Where `folder` is looked for: a folder in a hidden one may be a link, to another disk."""
    yield folder.resolve()
    for one in hidden:
        if folder.absolute().is_relative_to(one.absolute()):
            inner = one.resolve() / folder.absolute().relative_to(one.absolute())
            if inner != folder.resolve():
                yield inner


def _shown(programs: Sequence[str | Path], python: bool) -> Iterator[Path]:
    """What it takes to run, wherever it is."""
    for program in programs:
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
