"""Finds the source of a package in the index: which version, which file, with which hash.

Asked outside, so that a build is keyed by exact bytes and its sandbox gets a file instead of an address. Nothing of
the package is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from hubkiln.errors import LockFailed
from hubkiln.packages import Index, IndexFile
from hubkiln.values import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdist:
    """A source archive of the index."""

    name: str
    version: str
    filename: str
    url: str
    sha256: str | None
    """None where the index does not tell."""


async def find_sdist(index: Index, wanted: Requirement, python: Interpreter, as_of: datetime | None = None) -> Sdist:
    """
    The newest source archive in `index` that `wanted` allows, runs on `python`, and was there `as_of`.

    Raises:
        LockFailed: there is none.
        Unreachable: the index does not answer.
    """
    fitting = list(_fitting(await index.files(wanted.name), wanted, python, as_of))
    if not fitting:
        raise LockFailed(
            f"The package index has no source of {wanted} for Python {python.minor}.",
            hint="Choose a version that the index has as a wheel or as source.",
        )
    stable = [found for found in fitting if not found[0].is_prerelease]
    version, best = max(stable or fitting, key=lambda found: found[0])
    name = canonicalize_name(wanted.name)
    return Sdist(name=name, version=str(version), filename=best.filename, url=best.url, sha256=best.sha256)


def _fitting(
    files: tuple[IndexFile, ...], wanted: Requirement, python: Interpreter, as_of: datetime | None
) -> Iterator[tuple[Version, IndexFile]]:
    exact = any(one.operator in ("==", "===") for one in wanted.specifier)
    for file in files:
        try:
            version = parse_sdist_filename(file.filename)[1]
        except (InvalidSdistFilename, InvalidVersion):
            continue
        fits = wanted.specifier.contains(version, prereleases=True) and _runs_on(file, python)
        if fits and (exact or not file.yanked) and file.was_there(as_of):
            yield version, file


def _runs_on(file: IndexFile, python: Interpreter) -> bool:
    try:
        return SpecifierSet(file.requires_python).contains(python.version, prereleases=True)
    except InvalidSpecifier:
        return True
