"""A conda package of a Python that really runs: an interpreter of this machine, packed as conda packs its own.

What an interpreter built for one folder holds of that folder in its texts is a prefix like any other, which conda's
own way of replacing it moves to its new place; where its executables look for libraries is changed as for base images.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from conda_channel import File, Package

from hubkiln.composer.bases.debian.elf import MAGIC, NotElf, with_search_path
from hubkiln.packages import layout_for
from hubkiln.packages.interpreters import find, find_interpreters, find_kernels
from hubkiln.values import PREFIX, Interpreter

LEFT_OUT = {"test", "tests", "__pycache__", "site-packages", "dist-packages", "idlelib", "turtledemo", "ensurepip"}
NOTEWORTHY = 'import site\nsite.addsitedir("/{prefix}/lib/python{minor}/site-packages")\n'
"""Debian's Python looks elsewhere; this is what ``sitecustomize`` is for."""


def chosen() -> Interpreter:
    """One with the usual minor version, so that wheels unpacked by other tests serve; best one that is not Debian's."""

    async def choose() -> Interpreter:
        usual = await find(None)
        others = [python for python in await find_interpreters(usual.minor) if python.roots]
        return others[0] if others else usual

    return asyncio.run(choose())


def old_one() -> Interpreter | None:
    """The newest of this machine that can only be a kernel beside the server, and that is not Python 2."""
    found = asyncio.run(find_kernels())
    return next((python for python in found if python.minor.startswith("3.") and python.roots), None)


def python_package(python: Interpreter | None = None) -> Package:
    """`python`, or :func:`chosen`, as the conda package ``python``."""
    python = python or chosen()
    home, prefix = python.path.parent.parent, layout_for(python.minor).prefix
    files = [
        File(path="bin/python", link=f"python{python.minor}"),
        File(path="bin/python3", link=f"python{python.minor}"),
        _file(python.path, f"bin/python{python.minor}", home, prefix),
        *(_file(path, f"lib/{path.name}", home, prefix) for path in sorted((home / "lib").glob("libpython3*.so*"))),
        *_library(home, python.minor, prefix),
    ]
    if not python.roots:
        text = NOTEWORTHY.format(prefix=PREFIX, minor=python.minor)
        files = [file for file in files if not file.path.endswith("/sitecustomize.py")]
        files.append(File(path=f"lib/python{python.minor}/sitecustomize.py", data=text.encode()))
    return Package(name="python", version=python.version, build="real_0", files=tuple(files))


def _library(home: Path, minor: str, prefix: str) -> Iterator[File]:
    top = home / "lib" / f"python{minor}"
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("config-")]
        for name in sorted(set(names) - {"EXTERNALLY-MANAGED"}):  # a distribution's word, which conda's Python has not
            path = Path(folder, name)
            yield _file(path, f"lib/python{minor}/{path.relative_to(top).as_posix()}", home, prefix)


def _file(path: Path, name: str, home: Path, prefix: str) -> File:
    if path.is_symlink():
        return File(path=name, link=str(path.readlink()))
    data = path.read_bytes()
    mode = 0o755 if os.access(path, os.X_OK) else 0o644
    if data.startswith(MAGIC):
        with suppress(NotElf, ValueError):  # other strings stay: their ends may be the ends of shorter ones
            fits = len(prefix) < len(str(home))
            data = with_search_path(data, str(home), f"/{prefix}" if fits else "$ORIGIN/..")
    elif len(str(home)) > len(PREFIX) and str(home).encode() in data:
        return File(path=name, data=data, mode=mode, prefix="text", placeholder=str(home))
    return File(path=name, data=data, mode=mode)
