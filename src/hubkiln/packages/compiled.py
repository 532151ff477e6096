"""Byte code of an unpacked wheel, as a tree of its own: the wheel's files are the same with it and without.

An environment is usable before anything of it was compiled. What was compiled meanwhile is laid below its files where
a server starts, and into the layers of an image that is pushed.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from hubkiln.beneath import LeadsAway, walk
from hubkiln.folders import take
from hubkiln.packages.bytecode import LARGEST, Compiler, Job
from hubkiln.packages.interface import Layout
from hubkiln.packages.unpack import Owner, make_folder
from hubkiln.sandbox import take_back
from hubkiln.trees import Entry, Tree

_AT_ONCE = 100
"""Files after which somebody who is no longer wanted notices."""


def compile_tree(
    unpacked: Path,
    layout: Layout,
    into: Path,
    compiler: Compiler,
    owner: Owner | None,
    wanted: Collection[str] | None,
    room: Path,
    check: Callable[[], None] = lambda: None,
) -> None:
    """
    Compile what can be imported of the tree `unpacked` into the new folder `into`: the modules whose paths below
    ``site-packages`` are among `wanted`, or all. It lies in the compiler's
    folder `room` meanwhile, then is `owner`'s. Blocks; `check` raises where nobody waits for it any more.

    Raises:
        LeadsAway: there is a link in what came of it.
    """
    place, theirs = room / uuid.uuid4().hex, room.stat()
    make_folder(str(into), None)
    folders = {""}
    jobs = []
    for relative in _modules(unpacked, layout.site.removeprefix(f"{layout.prefix}/"), wanted):
        folder, _, name = relative.rpartition("/")
        if not compiler.beside:
            folder, name = f"{folder}/__pycache__", f"{name[:-3]}.{compiler.tag}.py"
        _make_folders(str(into), folder, folders)
        jobs.append(Job(f"{unpacked}/{relative}", f"/{layout.prefix}/{relative}", f"{place}/{folder}/{name}c"))
    take_back(into, (theirs.st_uid, theirs.st_gid))
    into.rename(place)  # from now on it is theirs to write to, and not ours
    for start in range(0, len(jobs), _AT_ONCE):
        check()
        for _ in compiler.compile(jobs[start : start + _AT_ONCE]):
            pass
    take(place, into)
    take_back(into, owner)
    for found in walk(into):
        if not (found.is_folder or found.is_file):
            raise LeadsAway(errno.ELOOP, "it is not what may be there", found.path)


def with_byte_code(planned: Tree, layout: Layout, compiled: Path) -> Tree:
    """The tree `planned` of a wheel with what :func:`compile_tree` made of it, for an image layer."""
    found = {entry.path: entry for entry in planned}
    for folder, folders, files in os.walk(compiled):
        below = f"{layout.prefix}{folder.removeprefix(str(compiled))}"
        for name in folders:
            path = f"{below}/{name}"
            found.setdefault(path, Entry(path=path, mode=0o755, uid=layout.uid, gid=layout.gid))
        for name in files:
            path, source = f"{below}/{name}", Path(folder, name)
            size = source.lstat().st_size
            found[path] = Entry(path=path, mode=0o644, size=size, source=source, uid=layout.uid, gid=layout.gid)
    return Tree(tuple(found[path] for path in sorted(found)))


def _modules(unpacked: Path, site: str, wanted: Collection[str] | None) -> Iterator[str]:
    """Paths of what is to be compiled, below the prefix; tests are not, nor what is data in disguise."""
    for folder, folders, files in os.walk(unpacked / site, onerror=_raise):
        folders[:] = sorted(name for name in folders if name != "tests")
        below = folder.removeprefix(f"{unpacked}/")
        for name in sorted(files):
            relative = f"{below}/{name}"
            if not name.endswith(".py") or (wanted is not None and relative.removeprefix(f"{site}/") not in wanted):
                continue
            if 0 < os.lstat(f"{folder}/{name}").st_size <= LARGEST:
                yield relative


def _raise(error: OSError) -> None:
    raise error


def _make_folders(root: str, folder: str, there: set[str]) -> None:
    if folder not in there:
        _make_folders(root, folder.rpartition("/")[0], there)
        make_folder(f"{root}/{folder}", None)
        there.add(folder)
