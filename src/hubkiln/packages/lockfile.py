"""Reads a pylock.toml of ours: uv's answer, or one from the book of locks.

Pure. One that a repository brings along is read by :mod:`hubkiln.recipes` and taken only as pins and hashes, because
its addresses could point anywhere.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)

from hubkiln.errors import LockFailed, Unsupported
from hubkiln.packages.interface import Lock, Wheel
from hubkiln.packages.tags import environment_for, tags_for
from hubkiln.values import Interpreter

LARGEST_TEXT = 20_000_000
"""Characters of a lock we are willing to parse."""


def parse_lock(text: str, python: Interpreter, platform: str) -> Lock:
    """
    The packages of a lock that fit `python` on `platform`.

    Raises:
        LockFailed: not a lock, not for this Python or platform, or a file without a sha256.
        Unsupported: it names folders, repositories or archives.
    """
    wheels: list[Wheel] = []
    sdists: list[str] = []
    try:
        chosen = list(
            _read(text).select(environment=environment_for(python, platform), tags=tags_for(python, platform))
        )
    except PylockSelectError as error:
        raise LockFailed(f"The lock does not fit Python {python.version} here: {error}.") from error
    for package, source in chosen:
        if isinstance(source, PackageWheel):
            wheels.append(_wheel(package, source))
        elif isinstance(source, PackageSdist):
            sdists.append(f"{package.name}=={package.version}")
        else:
            raise Unsupported(
                f"The lock takes {package.name} from a folder, repository or archive instead of a package index.",
                hint="Lock it from an index, or move it to requirements.txt.",
            )
    wheels.sort(key=lambda wheel: wheel.name)
    return Lock(python=python.minor, wheels=tuple(wheels), text=text, sdists=tuple(sorted(sdists)))


def preferences(pairs: tuple[tuple[str, str], ...]) -> str:
    """A minimal pylock.toml that uv reads as preferred versions."""
    head = 'lock-version = "1.0"\ncreated-by = "hubkiln"\n'
    if not pairs:
        return head + "packages = []\n"
    return head + "".join(f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in pairs)


def ours_alone(text: str, find_links: Path | None) -> str:
    """
    uv's lock `text` without the index's files of those packages that have one in `find_links`.

    A wheel that we built for a request is the one that is meant, even where the index has the same version.
    """
    if find_links is None:
        return text
    ours = f'{{ url = "{find_links.absolute().as_uri()}/'
    head, *packages = text.split("[[packages]]")
    kept = ["\n".join(_ours(block.split("\n"), ours)) if ours in block else block for block in packages]
    return "[[packages]]".join((head, *kept))


def _ours(lines: list[str], ours: str) -> list[str]:
    return [line for line in lines if not line.startswith("    { url = ") or line.startswith(f"    {ours}")]


def _read(text: str) -> Pylock:
    if len(text) > LARGEST_TEXT:
        raise LockFailed("The lock file is too large to be one.", hint="Make it again with uv or pip.")
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, PylockValidationError, ValueError, RecursionError) as error:
        raise LockFailed(f"The lock file cannot be read: {error}.", hint="Make it again with uv or pip.") from error


def _wheel(package: Package, source: PackageWheel) -> Wheel:
    sha256 = source.hashes.get("sha256")
    if not isinstance(sha256, str) or len(sha256) != 64:
        raise LockFailed(
            f"The lock has no sha256 for {source.filename}, so nobody could tell whether it was changed.",
            hint="Make the lock again with hashes.",
        )
    url = source.url or _file_url(source.path)
    return Wheel(
        name=str(package.name),
        version=str(package.version),
        filename=unquote(source.filename),
        url=url,
        sha256=sha256.lower(),
        size=source.size,
    )


def _file_url(path: str | None) -> str:
    if path is None:
        raise LockFailed("The lock names a wheel without saying where it is.")
    return path if urlsplit(path).scheme else f"file://{path}"
