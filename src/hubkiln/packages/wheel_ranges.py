"""For which Pythons a version of a package has wheels, as an index's files tell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from hubkiln.packages.cpython import RELEASED, some
from hubkiln.packages.simple_index import IndexFile
from hubkiln.packages.tags import tags_for


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelRange:
    """Which Pythons get what a requirement asks for ready-made."""

    asked: str
    """``numpy 1.14.3`` or ``numpy>=1.20``."""
    minors: frozenset[str]
    """Empty for what the index has as source alone."""
    nowhere: bool = False
    """Whether the index has no file at all of the versions that are asked for, so that no Python gets it."""

    @property
    def from_source(self) -> bool:
        """Whether no Python gets it ready-made, so that it says nothing about which Python to take."""
        return not self.minors


def wheel_range(
    wanted: Requirement, files: Iterable[IndexFile], platform: str, as_of: datetime | None = None
) -> WheelRange:
    """Which Pythons have a wheel of some version that `wanted` allows and that was there `as_of`."""
    minors: set[str] = set()
    there = [file for file in files if file.was_there(as_of)]
    for file in there:
        version = _wheel_version(file.filename)
        if version is not None and wanted.specifier.contains(version, prereleases=True):
            minors |= _minors(file, platform)
    exact = [one.version for one in wanted.specifier if one.operator in ("==", "===") and "*" not in one.version]
    asked = f"{wanted.name} {exact[0]}" if exact else f"{wanted.name}{wanted.specifier}"
    nowhere = wanted.marker is None and not any(_is_of(wanted, file.filename, exact) for file in there)
    return WheelRange(asked=asked, minors=frozenset(minors), nowhere=nowhere)


def _is_of(wanted: Requirement, filename: str, exact: Sequence[str]) -> bool:
    """Whether a file is of a version that `wanted` allows; one of an old kind, if its name may have one of `exact`."""
    version = _wheel_version(filename)
    if version is None:
        try:
            version = parse_sdist_filename(filename)[1]
        except (InvalidSdistFilename, InvalidVersion):
            return not exact or any(one in filename for one in exact)
    return wanted.specifier.contains(version, prereleases=True)


def _wheel_version(filename: str) -> Version | None:
    try:
        return parse_wheel_filename(filename)[1]
    except (InvalidWheelFilename, InvalidVersion):
        return None


def _minors(file: IndexFile, platform: str) -> set[str]:
    tags = parse_wheel_filename(file.filename)[3]
    return {minor for minor in RELEASED if not tags.isdisjoint(_tags(minor, platform)) and _runs_on(file, minor)}


def _runs_on(file: IndexFile, minor: str) -> bool:
    try:
        allowed = SpecifierSet(file.requires_python)
    except InvalidSpecifier:
        return True
    return any(allowed.contains(f"{minor}.{patch}") for patch in range(30))


@cache
def _tags(minor: str, platform: str) -> frozenset[Tag]:
    return frozenset(tags_for(some(minor), platform))
