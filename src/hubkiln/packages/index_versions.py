"""Which versions of a package there are, for whoever asked for one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from hubkiln.errors import HubkilnError
from hubkiln.packages.explain import MissingVersion
from hubkiln.packages.interface import Lock, Locker, LockRequest
from hubkiln.packages.simple_index import Index, IndexFile
from hubkiln.values import Say


@dataclass(frozen=True, slots=True)
class NamingVersions:
    """Asks `locker`; where it misses a version, the hint names those that `index` has."""

    locker: Locker
    index: Index

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`."""
        try:
            return await self.locker.lock(request, say)
        except MissingVersion as error:
            with suppress(HubkilnError):  # what is wrong is known without
                files = await self.index.files(error.project)
                error.hint = hint(versions(files, request.python.minor, request.as_of), error.specifier) or error.hint
            raise


def versions(files: Iterable[IndexFile], minor: str, as_of: datetime | None) -> list[Version]:
    """The versions that Python `minor` can have, oldest first; before the first release its candidates."""
    there = [file for file in files if file.was_there(as_of) and not file.yanked and _for(file, minor)]
    found = {version for file in there if (version := _version(file.filename)) is not None}
    return sorted([one for one in found if not one.is_prerelease] or found)


def hint(known: Sequence[Version], specifier: str) -> str:
    """What to write in place of a version that is not among `known`, oldest first; empty where there are none."""
    if not known:
        return ""
    newest = known[-1]
    with suppress(InvalidVersion):
        asked = Version(specifier.lstrip("=~<>! ").removesuffix(".*"))
        older = [one for one in known if one < asked][-1:]
        newer = [one for one in known if one > asked and one != newest][:1]
        if older and newer:
            return f"Change the pin: {older[0]} and {newer[0]} are the nearest, {newest} is the newest."
        if (older or newer) and (near := (older or newer)[0]) != newest:
            return f"Change the pin: {near} is the nearest, {newest} is the newest."
    return f"Change the pin: {newest} is the newest."


def _for(file: IndexFile, minor: str) -> bool:
    try:
        return SpecifierSet(file.requires_python).contains(f"{minor}.99", prereleases=True)
    except InvalidSpecifier:
        return True


def _version(filename: str) -> Version | None:
    with suppress(InvalidWheelFilename, InvalidVersion):
        return parse_wheel_filename(filename)[1]
    with suppress(InvalidSdistFilename, InvalidVersion):
        return parse_sdist_filename(filename)[1]
    return None
