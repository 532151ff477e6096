"""Byte code of an unpacked wheel, as a tree of its own: the wheel's files are the same with it and without.

An environment is usable before anything of it was compiled. What was compiled meanwhile is laid below its files where
a server starts, and into the layers of an image that is pushed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from hubkiln.packages.bytecode import LARGEST, Compiler, Job
from hubkiln.packages.interface import Layout
from hubkiln.packages.unpack import Owner, make_folder, own
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
    check: Callable[[], None] = lambda: None,
) -> None:
    """
    Compile what can be imported of the tree `unpacked` into the new folder `into`: the modules whose paths below
    ``site-packages`` are among `wanted`, or all. Blocks; `check` raises where nobody waits for it any more.
    """
    into.mkdir()
    own(into, owner)
    folders = {""}
    jobs = []
    for relative in _modules(unpacked, layout.site.removeprefix(f"{layout.prefix}/"), wanted):
        folder, _, name = relative.rpartition("/")
        if not compiler.beside:
            folder, name = f"{folder}/__pycache__", f"{name[:-3]}.{compiler.tag}.py"
        _make_folders(str(into), folder, folders, owner)
        jobs.append(Job(f"{unpacked}/{relative}", f"/{layout.prefix}/{relative}", f"{into}/{folder}/{name}c"))
    for start in range(0, len(jobs), _AT_ONCE):
        check()
        for _ in compiler.compile(jobs[start : start + _AT_ONCE]):
            pass


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


def _make_folders(root: str, folder: str, there: set[str], owner: Owner | None) -> None:
    if folder not in there:
        _make_folders(root, folder.rpartition("/")[0], there, owner)
        make_folder(f"{root}/{folder}", owner)
        there.add(folder)
