"""Wheels over conda packages: what conda brought is neither changed nor brought again.

To the resolver each Python package of conda's is a wheel without dependencies, pinned to its version (conda has seen
to what it needs, and its version need not be in the index). What comes out is a lock of the other wheels alone, which
carries the conda lock it was made for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from hubkiln.errors import LockFailed
from hubkiln.packages.conda_values import CondaLock, parse_lock
from hubkiln.packages.interface import Lock, layout_for
from hubkiln.values import PREFIX, Interpreter

_TABLE = "\n[tool.hubkiln]\nconda = "
_BLOCK = "[[packages]]"
_NAME = re.compile(r'^name = "([^"]+)"', re.MULTILINE)


def conda_python(lock: CondaLock) -> Interpreter:
    """The Python that `lock` brings, as seen inside."""
    version = next((package.version for package in lock.packages if package.name == "python"), lock.python)
    return unsolved_python(".".join(version.split(".")[:2]), version)


def unsolved_python(minor: str, version: str = "") -> Interpreter:
    """The Python that conda packages will bring, of which only the `minor` need be known yet."""
    path = Path(f"/{layout_for(minor).prefix}/bin/python{minor}")
    return Interpreter(version=version or minor, path=path, roots=())


def is_condas(python: Interpreter) -> bool:
    """Whether `python` comes with conda packages."""
    return python.path.is_relative_to(f"/{PREFIX}")


def usable(brought: Mapping[str, str]) -> dict[str, str]:
    """Those of conda's Python packages whose version the resolver can read."""
    found: dict[str, str] = {}
    for name, version in brought.items():
        try:
            found[canonicalize_name(name)] = str(Version(version))
        except InvalidVersion:
            continue
    return found


def stand_ins(brought: Mapping[str, str], folder: Path, built: Path | None) -> tuple[str, ...]:
    """
    Fill `folder` with a wheel for each of `brought`, and with the wheels in `built`; returns constraints that pin ours.
    """
    for wheel in built.glob("*.whl") if built is not None else ():
        shutil.copyfile(wheel, folder / wheel.name)
    for name, version in brought.items():
        _write_wheel(folder, name.replace("-", "_"), version)
    return tuple(f"{name}=={version}" for name, version in sorted(brought.items()))


def _write_wheel(folder: Path, name: str, version: str) -> None:
    stem = f"{name}-{version}"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: hubkiln\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{stem}.dist-info/RECORD,,\n"]
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record.append(f"{stem}.dist-info/{file},sha256={digest},{len(text.encode())}\n")
            archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{file}"), text)
        archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/RECORD"), "".join(record))


def over(lock: Lock, brought: Iterable[str], conda: CondaLock) -> Lock:
    """`lock` without what conda `brought`, and with the conda lock it is for."""
    names = frozenset(brought)
    return replace(
        lock,
        wheels=tuple(wheel for wheel in lock.wheels if wheel.name not in names),
        text=_without(lock.text, names) + _TABLE + json.dumps(conda.text) + "\n",
        conda=conda,
    )


def conda_of(text: str) -> CondaLock | None:
    """
    The conda lock that a lock's `text` carries.

    Raises:
        LockFailed, RecipeError: it cannot be read.
    """
    if _TABLE not in text:
        return None
    try:
        found = tomllib.loads(text)["tool"]["hubkiln"]["conda"]
    except (tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        raise LockFailed("The stored lock cannot be read.", hint="Build with a fresh lock (refresh).") from error
    return parse_lock(str(found))


def _without(text: str, names: frozenset[str]) -> str:
    head, *blocks = text.split(_BLOCK)
    return _BLOCK.join((head.rstrip("\n") + "\n\n" if blocks else head, *_kept(blocks, names)))


def _kept(blocks: Iterable[str], names: frozenset[str]) -> Iterator[str]:
    for block in blocks:
        named = _NAME.search(block)
        if named is None or canonicalize_name(named[1]) not in names:
            yield block
