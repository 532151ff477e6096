"""Walls for what unpacks packages and images and compiles them: strangers' bytes, in programs that run for minutes.

Where we are root, such a program is nobody. Files that are to be other users' it gives away in a user namespace of its
own (:mod:`hubkiln.confined`), where nobody is but those users and itself, so it has no power over anything else. It
writes to a folder that it was given, from which we take what is finished.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from hubkiln.confined import HELPER_UID, Owners
from hubkiln.errors import EngineMissing
from hubkiln.processes import clean_environment
from hubkiln.sandbox.apart import base, works
from hubkiln.sandbox.nobody import give, open_hidden
from hubkiln.sandbox.nobody_view import DROP, dropping, words
from hubkiln.sandbox.settings import host_settings

_GIVING_AWAY = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD")
"""To write files of other owners, and the marks of deletions."""

_NAMESPACE = (*DROP, "CAP_SYS_ADMIN")
"""To enter a user namespace, where a machine forbids others to, and to become nobody in it."""

_TRY = """
import json, sys
from hubkiln.confined import Owners, confine
confine(memory_bytes=4 << 30, owners=[Owners(*one) for one in json.loads(sys.argv[1])])
import hubkiln.errors
"""


@dataclass(frozen=True, slots=True)
class Wall:
    """What a program that unpacks is started behind, and what it is to make of itself; see :func:`walled`."""

    words: tuple[str, ...] = ()
    """To stand before its command line."""

    drops: bool = False
    """Whether it shall :func:`confine <hubkiln.confined.confine>` itself, with `owners`."""

    owners: tuple[Owners, ...] = ()


def walled(
    root: Path,
    *,
    readable: Sequence[Path],
    writable: Sequence[Path],
    owners: Sequence[Owners] = (),
) -> Wall:
    """
    A wall for a program of ours that unpacks: it sees the host read-only and of the data folder `root` what is named
    alone, has no network, and becomes nobody, to whom the folders `writable` are given.

    It may give files to `owners`. Each of `readable` is opened to others, as far as `root` keeps them out. Where it can
    become nobody else, or files are to be root's, it stays root with little of its power; nothing stands before it
    where we are not root, or bubblewrap does not work.
    """
    if os.geteuid() != 0:
        return Wall(drops=True)
    given = tuple(one for one in owners if one.uid > 0)
    if given and gives_away(given):
        inner = [*readable, *_inner(_loaded(), root)]
        for folder in writable:
            give(folder, HELPER_UID)
        open_hidden(readable, [root])
        seen = _seen([], python=True, hidden=[root], readable=inner, writable=writable)
        return Wall(tuple(seen), drops=True, owners=given)
    return Wall(_rooted(root, readable, writable), drops=False)


def gives_away(owners: Sequence[Owners]) -> bool:
    """Whether a program of ours can be nobody and give files to `owners`, when we are root."""
    return _becomes_nobody(tuple(owners), host_settings().bwrap)


def alone(
    program: Path, root: Path, *, readable: Sequence[Path] = (), writable: Sequence[Path], programs: Sequence[Path] = ()
) -> tuple[str, ...]:
    """
    Words before the command line of a `program` of others, which `programs` belong to, behind such a wall; it gives
    nothing away.
    """
    if os.geteuid() != 0:
        return ()
    if not _starts(program, tuple(programs), host_settings().bwrap):
        return _rooted(root, readable, writable, [program, *programs])
    for folder in writable:
        give(folder, HELPER_UID)
    open_hidden(readable, [root])
    inner = [*readable, *_inner([program, *programs, *_loaded()], root)]
    seen = _seen([program, *programs], python=True, hidden=[root], readable=inner, writable=writable)
    return (*seen, *dropping(HELPER_UID), "--")


def _rooted(
    root: Path, readable: Sequence[Path], writable: Sequence[Path], programs: Sequence[Path] = ()
) -> tuple[str, ...]:
    if not works():
        return ()
    real = root.resolve()
    hidden = [] if any(_inner([*programs, *_loaded()], root)) else ["--tmpfs", str(real)]
    made = [*base(_GIVING_AWAY), *hidden]
    for how, folders in (("--ro-bind", readable), ("--bind", writable)):
        for folder in folders:
            places = [folder.resolve()]
            if hidden and folder.is_relative_to(root):  # a folder in it may be a link, to another disk
                places.append(real / folder.relative_to(root))
            made += [word for place in dict.fromkeys(places) for word in (how, str(folder.resolve()), str(place))]
    return (*made, "--")


def _loaded() -> Iterator[Path]:
    yield from (*map(Path, sys.path), Path(sys.executable), Path(sys.prefix), Path(__file__))


def _inner(paths: Iterable[Path], root: Path) -> Iterator[Path]:
    """Those of `paths` that lie in `root`."""
    real = root.resolve()
    yield from dict.fromkeys(path for path in paths if path.resolve().is_relative_to(real))


_seen = partial(words, network=False, capabilities=_NAMESPACE)


@cache
def _becomes_nobody(owners: tuple[Owners, ...], bwrap: Path | None) -> bool:
    """Whether a program of ours can, behind a wall; tried once."""
    return _runs(lambda: [*_seen([], python=True), sys.executable, "-P", "-c", _TRY, json.dumps(owners)])


@cache
def _starts(program: Path, programs: tuple[Path, ...], bwrap: Path | None) -> bool:
    """Whether it can be run by nobody behind a wall; tried once."""
    return _runs(
        lambda: [*_seen([program, *programs], python=True), *dropping(HELPER_UID), "--", str(program), "--version"]
    )


def _runs(command: Callable[[], Sequence[str]]) -> bool:
    try:
        tried = command()
    except EngineMissing:
        return False
    env = clean_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return subprocess.run(tried, capture_output=True, check=False, env=env).returncode == 0
