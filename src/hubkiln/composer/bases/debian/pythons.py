"""Further Pythons for the base image: interpreters of this machine, moved to ``/opt/python/<minor>``, a layer each.

An interpreter built for one folder names it in its scripts, its configuration and where its executables look for
libraries. These are rewritten, what only its tests and its windows need is left out, and the standard library is
compiled, because nobody in a container may write beside it.
"""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hubkiln.composer.bases.debian.elf import MAGIC, NotElf, needed, newest_glibc, with_search_path
from hubkiln.composer.bases.debian.system import System
from hubkiln.composer.bases.pythons import BasePython
from hubkiln.errors import Unsupported
from hubkiln.packages import CompileJob, Compiler
from hubkiln.processes import clean_environment, run
from hubkiln.trees import Entry, with_parents
from hubkiln.values import Interpreter, Say

_LEFT_OUT = re.compile(
    r"share(/.*)?|bin/(?!python|pydoc).*|.*/__pycache__(/.*)?|.*\.(a|o|pyc)|"
    r"lib/python[23]\.\d+/(test|idlelib|turtledemo|tkinter|site-packages/.*|lib-dynload/_(tkinter|test|ctypes_test|xx).*)(/.*)?|"
    r"lib/python[23]\.\d+/(.*/)?tests?(/.*)?|lib/(tcl|tk|itcl|thread)[0-9.]+(/.*)?"
)
_LIBRARY_PLACES = re.compile(r"(usr/)?lib(64)?(/[a-z0-9_]+-linux-gnu)?/[^/]+")


def python_home(minor: str) -> str:
    """Where the Python of `minor` lives inside, no leading slash."""
    return f"opt/python/{minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """What a system has for programs to be linked to."""

    names: frozenset[str]
    """File names of shared libraries."""
    glibc: tuple[int, int]


def libraries_of(system: System) -> Libraries:
    """Those of a system that is being built."""
    return Libraries(names=library_names(entry.path for entry in system.entries), glibc=system.glibc)


def library_names(paths: Iterable[str]) -> frozenset[str]:
    """The names of those of `paths`, below the root, that lie where libraries are looked for."""
    return frozenset(path.rpartition("/")[2] for path in paths if _LIBRARY_PLACES.fullmatch(path))


async def moved_python(
    python: Interpreter, libraries: Libraries, stage: Path, say: Say
) -> tuple[BasePython, list[Entry]]:
    """
    `python` as it will be in an image that has `libraries`, its files prepared in the empty folder `stage`.

    Raises:
        Unsupported: it cannot be moved, or needs what the system has not.
    """
    source = python.path.resolve().parent.parent
    home = stage / python_home(python.minor)
    for path in _wanted(source):
        _move(source / path, home / path, str(source), f"/{python_home(python.minor)}")
    (home / "lib" / f"python{python.minor}" / "site-packages").mkdir(parents=True, exist_ok=True)
    _check(python, libraries, home, say)
    await _compile(python, stage)
    name = f"python{python.minor}"
    return BasePython(python.version, f"/{python_home(python.minor)}/bin/{name}"), with_parents(_entries(stage))


def _wanted(source: Path) -> Iterator[str]:
    """Paths of files and links below `source` that are taken along."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source).as_posix()
        if not _LEFT_OUT.fullmatch(relative) and (path.is_symlink() or path.is_file()):
            yield relative


def _move(source: Path, target: Path, old: str, new: str) -> None:
    """Copy one file or link, the folder's name in it changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        link = str(source.readlink())
        if not link.startswith("/") or link.startswith(f"{old}/"):
            target.symlink_to(link.replace(old, new))
        return
    data = source.read_bytes()
    if old.encode() in data:
        data = _renamed(source, data, old, new)
    target.write_bytes(data)
    target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)


def _renamed(path: Path, data: bytes, old: str, new: str) -> bytes:
    if not data.startswith(MAGIC):
        return data.replace(old.encode(), new.encode())
    try:
        return with_search_path(data, old, new)
    except NotElf:
        return data
    except ValueError as error:
        raise Unsupported(f"{path} cannot be moved: {error}.", hint="Leave this Python out.") from error


def _check(python: Interpreter, libraries: Libraries, home: Path, say: Say) -> None:
    """That the system has what `python` was linked to; modules that lack a library are left out."""
    there = libraries.names | {path.name for path in (home / "lib").iterdir()}
    for path in _executables(home):
        data = path.read_bytes()
        lacks = sorted(set(needed(data)) - there)
        if newest_glibc(data) > libraries.glibc:
            lacks = [f"glibc {'.'.join(map(str, newest_glibc(data)))}"]
        if not lacks:
            continue
        if path.parent.name != "lib-dynload":
            raise Unsupported(
                f"Python {python.version} needs {', '.join(lacks)}, which the base image has not.",
                hint="Add the Debian package that has it, or leave this Python out.",
            )
        say(f"Python {python.version}: {path.name} is left out, it needs {', '.join(lacks)}\n")
        path.unlink()


def _executables(home: Path) -> list[Path]:
    found = [path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [path for path in found if _is_elf(path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return False
    try:
        needed(path.read_bytes())
    except ValueError:
        return False
    return True


async def _compile(python: Interpreter, stage: Path) -> None:
    """See that it runs where it is now, and compile its standard library for where it will be."""
    home = stage / python_home(python.minor)
    env = clean_environment(PYTHONHOME=str(home), PYTHONDONTWRITEBYTECODE="1", LD_LIBRARY_PATH=str(home / "lib"))
    argv = [str(home / "bin" / f"python{python.minor}"), "-S", "-c", "import json, zlib"]
    ended = await run(argv, env=env, seconds=60)
    if ended.code:
        last = (ended.output.strip().splitlines() or ["no output"])[-1]
        raise Unsupported(f"Python {python.version} does not run once moved: {last}", hint="Leave this Python out.")
    await asyncio.to_thread(_compile_library, python, stage, home / "lib" / f"python{python.minor}")


def _compile_library(python: Interpreter, stage: Path, library: Path) -> None:
    """By `python` as it lies here: byte code names the files' places in the image, and their time there."""
    with Compiler(python) as compiler:
        jobs = [
            CompileJob(
                str(path),
                f"/{path.relative_to(stage)}",
                f"{path}c" if compiler.beside else str(path.parent / "__pycache__" / f"{path.stem}.{compiler.tag}.pyc"),
            )
            for path in sorted(library.rglob("*.py"))
        ]
        for folder in {Path(job.target).parent for job in jobs}:
            folder.mkdir(exist_ok=True)  # is there where byte code lies beside its source
        for _ in compiler.compile(jobs):
            pass


def _entries(stage: Path) -> Iterator[Entry]:
    """Everything below `stage`, root's."""
    for path in stage.rglob("*"):
        name = path.relative_to(stage).as_posix()
        if path.is_symlink():
            yield Entry(path=name, mode=0o777, link=str(path.readlink()))
        elif path.is_dir():
            yield Entry(path=name, mode=0o755)
        else:
            found = path.stat()
            yield Entry(path=name, mode=0o755 if found.st_mode & 0o100 else 0o644, size=found.st_size, source=path)
