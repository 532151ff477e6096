"""Finds the CPythons of this machine that an environment can be made for.

Each candidate is run once, isolated, and tells what it is; nothing is downloaded. Which minor versions have a
frozen Jupyter stack is :mod:`hubkiln.packages.stack`'s business.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from hubkiln import processes
from hubkiln.concurrently import all_of
from hubkiln.errors import LockFailed, Unsupported
from hubkiln.home import home
from hubkiln.packages import stack
from hubkiln.packages.cpython import OLDEST_SERVER, how_to_get, is_kernel
from hubkiln.packages.tools import uv
from hubkiln.values import Interpreter

OLDEST = OLDEST_SERVER
"""The Jupyter stack needs it."""

OLDEST_KERNEL = (2, 7)
"""A kernel needs it."""

NOT_AT_ALL = ((3, 0), (3, 5))
"""Between these nothing of Jupyter is left that runs."""

NEWEST_DEFAULT = (3, 13)
"""The newest minor taken without being asked for: many packages have no wheels yet for later ones."""

_PLACES = ("/usr/bin", "/usr/local/bin", "/opt/python/*/bin")
_HOME_PLACES = (".pyenv/versions/*/bin", ".local/share/uv/python/*/bin")
_SYSTEM = Path("/usr/bin/python3")
_NAME = re.compile(r"python([23])\.(\d+)")

_PROBE = """\
import sys, json, os, platform
import ssl, sqlite3, zlib, ctypes
def mapped():
    with open("/proc/self/maps") as maps:
        return sorted({line.split(None, 5)[5].strip() for line in maps if line.count("/")})
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "final": sys.version_info.releaselevel == "final",
    "threads_free": bool(getattr(sys, "abiflags", "").count("t")),
    "base_prefix": os.path.realpath(getattr(sys, "base_prefix", sys.prefix)),
    "wide": sys.maxunicode > 0xFFFF,
    "mapped": [path for path in mapped() if path.startswith("/") and ".so" in path],
}))
"""

_probed: dict[tuple[Path, int], Interpreter | None] = {}
"""What a file turned out to be, by path and modification time: asking costs a process."""


async def find_kernels(brought: Path | None = None) -> tuple[Interpreter, ...]:
    """Every CPython that is too old for the server and can be a kernel beside it, newest first."""
    found = await all_of(_probe(path) for path in _candidates(None, brought, OLDEST_KERNEL))
    return _ordered(python for python in found if python is not None and is_kernel(python.minor))


async def find_interpreters(minor: str | None = None, brought: Path | None = None) -> tuple[Interpreter, ...]:
    """
    Every CPython that can run the server (of `minor` if given, whatever that is), best first: the system's own, then
    newer before older.

    Those that were brought lie below the folder `brought`.
    """
    found = await all_of(_probe(path) for path in _candidates(minor, brought, OLDEST_KERNEL if minor else OLDEST))
    return _ordered(python for python in found if python is not None)


async def find(minor: str | None = None, brought: Path | None = None) -> Interpreter:
    """
    The interpreter for `minor` (``3.11``); for None the system's own if it will do, else the newest usual one.

    Those that were brought lie below the folder `brought`.

    Raises:
        Unsupported: too old for the Jupyter stack, or not a CPython version.
        LockFailed: there is none on this machine.
    """
    if minor is None:
        system = await _probe(_SYSTEM.resolve())  # it comes first anyway; asking all of them takes a second
        return _default((system,) if system and _is_usual(system) else await find_interpreters(None, brought))
    match = re.fullmatch(r"(\d+)\.(\d+)", minor)
    if match is None:
        raise Unsupported(f"{minor!r} is not a Python version.", hint="Write it like 3.11.")
    asked = (int(match[1]), int(match[2]))
    if asked < OLDEST_KERNEL or NOT_AT_ALL[0] <= asked < NOT_AT_ALL[1]:
        raise Unsupported(
            f"Python {minor} is too old even for a kernel beside the server.",
            hint=f"Ask for Python {_dotted(OLDEST_KERNEL)}, or {_dotted(NOT_AT_ALL[1])} or newer, in runtime.txt.",
        )
    found = await find_interpreters(minor, brought) or await _ask_uv(minor)
    if not found:
        raise _missing(minor, await find_interpreters(None, brought), how_to_get(minor))
    return found[0]


async def like(python: Interpreter, brought: Path | None = None) -> Interpreter | None:
    """`python`, if it is one of this machine, else one of this machine with the very same version, if there is one."""
    found = await _probe(python.path)
    if found is not None and found.minor == python.minor:
        return found
    others = await find_interpreters(python.minor, brought)
    return next((one for one in others if one.version == python.version), None)


def _default(found: tuple[Interpreter, ...]) -> Interpreter:
    frozen = [python for python in found if python.minor in stack.minors()]
    usual = [python for python in frozen if _is_usual(python)]
    for python in (*usual, *frozen):
        return python
    newest = _dotted(NEWEST_DEFAULT)
    raise _missing(f"{_dotted(OLDEST)} to {newest}", found, how_to_get(newest))


def _is_usual(python: Interpreter) -> bool:
    return python.minor in stack.minors() and _version(python.minor) <= NEWEST_DEFAULT


def _missing(wanted: str, found: Iterable[Interpreter], hint: str) -> LockFailed:
    versions = ", ".join(sorted({python.version for python in found}, key=_version)) or "none"
    return LockFailed(f"Python {wanted} is not on this machine; found: {versions}.", hint=hint)


def _candidates(minor: str | None, brought: Path | None, oldest: tuple[int, int]) -> list[Path]:
    """Files that look like a CPython of at least `oldest`, links followed, each once."""
    own = home()
    folders = [folder for place in _PLACES for folder in _glob(Path("/"), place.lstrip("/"))]
    folders += [folder for place in _HOME_PLACES for folder in _glob(own, place)]
    folders += _glob(brought, "*/bin") if brought is not None else []
    folders.append(Path(sys.base_prefix) / "bin")
    files: dict[Path, None] = {}
    for folder in folders:
        for path in sorted(_glob(folder, "python[23].[0-9]*")):
            match = _NAME.fullmatch(path.name)
            found = (int(match[1]), int(match[2])) if match else (0, 0)
            if match is None or found < oldest or NOT_AT_ALL[0] <= found < NOT_AT_ALL[1]:
                continue
            if minor in (None, f"{match[1]}.{match[2]}") and os.access(path, os.X_OK):
                files[path.resolve()] = None
    return list(files)


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:  # a home that is not ours to read
        return []


async def _ask_uv(minor: str) -> tuple[Interpreter, ...]:
    """Where uv knows of a Python that lies in none of the usual places."""
    finished = await processes.run(
        [uv(), "python", "find", "--no-python-downloads", "--no-project", "--no-config", "--system", minor],
        env=processes.clean_environment(HOME=str(home())),
        seconds=20,
    )
    path = Path(finished.output.strip().splitlines()[-1]) if finished.output.strip() else Path()
    if finished.code != 0 or not path.is_file():
        return ()
    python = await _probe(path.resolve())
    return (python,) if python is not None and python.minor == minor else ()


async def _probe(path: Path) -> Interpreter | None:
    try:
        key = (path, path.stat().st_mtime_ns)
    except OSError:
        return None
    if key not in _probed:
        _probed[key] = await _run_probe(path)
    return _probed[key]


async def _run_probe(path: Path) -> Interpreter | None:
    try:
        finished = await processes.run(
            [path, *(("-E", "-s") if path.name.startswith("python2") else ("-I",)), "-S", "-c", _PROBE],
            env=processes.clean_environment(),
            cwd=Path("/"),
            seconds=20,
        )
        told = json.loads(finished.output.strip().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    if finished.code != 0 or told["implementation"] != "CPython" or not told["final"] or told["threads_free"]:
        return None
    if not told["wide"]:
        return None  # of Python 2, that of Linux alone: wheels are for those with wide characters
    return Interpreter(version=told["version"], path=path, roots=_roots(path, told["base_prefix"], told["mapped"]))


def _roots(path: Path, base_prefix: str, mapped: Iterable[str]) -> tuple[Path, ...]:
    """Folders outside ``/usr`` that hold its standard library, its executable or a shared library it uses."""
    roots: list[Path] = []
    for folder in (Path(base_prefix), path.parent, *(Path(file).resolve().parent for file in mapped)):
        system = any(folder.is_relative_to(known) for known in ("/usr", "/lib", "/lib64"))
        if not system and not any(folder.is_relative_to(root) for root in roots):
            roots.append(folder)
    return tuple(roots)


def _ordered(found: Iterable[Interpreter]) -> tuple[Interpreter, ...]:
    """The one that ``/usr/bin/python3`` names first, then by version, newest first."""
    system = _SYSTEM.resolve()
    return tuple(sorted(found, key=lambda p: (p.path == system, _version(p.version)), reverse=True))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
