"""Packages whose description today's resolvers refuse: the words that mean nothing any more are left out of it.

Many packages of before 2020 ask for ``pytz (>=2011k)``, which pip took for years and which is no version. What a
package needs is then told to uv by us: its own list, with any version where it names one that is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import HeaderParser

import httpx
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from hubkiln.packages.simple_index import Index, get_within

MOST = 20
"""Packages of one lock that are helped."""

_LARGEST = 8 << 20
"""Bytes of what a package says of itself."""

_REFUSED = re.compile(r"Because ([A-Za-z0-9][\w.-]*)==([^\s,]+) has invalid metadata")
_PARTS = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?[^;]*(;.*)?")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a version of a package needs, in words that are understood."""

    name: str
    version: str
    requires: tuple[str, ...]
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As uv reads it."""
        lines = [f"name = {json.dumps(self.name)}", f"version = {json.dumps(self.version)}"]
        lines += [f"provides-extra = {json.dumps(self.extras)}"] if self.extras else []
        return "\n".join(["[[dependency-metadata]]", *lines, f"requires-dist = {json.dumps(self.requires)}", ""])


def refused(output: str) -> tuple[str, str] | None:
    """Name and version of the package whose description uv could not read, by its `output`."""
    found = _REFUSED.search(" ".join(output.split()))
    return (found[1], found[2]) if found else None


async def repaired(name: str, version: str, index: Index) -> Repaired | None:
    """
    What `version` of `name` needs, read from the description that the index has beside one of its wheels.

    None where it has none, or there is nothing to put right.

    Raises:
        LockFailed, Unreachable: the index's answer.
    """
    for file in await index.files(name):
        try:
            found = parse_wheel_filename(file.filename)[1] if file.filename.endswith(".whl") else None
        except (InvalidWheelFilename, InvalidVersion):
            continue
        if found is not None and found == Version(version):
            return await _read(name, version, f"{file.url}.metadata")
    return None


async def _read(name: str, version: str, url: str) -> Repaired | None:
    try:
        answer, body = await get_within(url, _LARGEST)
        answer.raise_for_status()
    except (httpx.HTTPError, ValueError):
        return None
    headers = HeaderParser().parsestr(body.decode("utf-8", "replace"), headersonly=True)
    asked = headers.get_all("Requires-Dist") or []
    requires = tuple(understood(asked))
    return Repaired(canonicalize_name(name), version, requires)


def understood(lines: Iterable[str]) -> list[str]:
    """`lines` of ``Requires-Dist``, without the versions of those that cannot be read; without what has no name."""
    found = []
    for line in lines:
        try:
            found.append(str(Requirement(line)))
        except InvalidRequirement:
            parts = _PARTS.fullmatch(line)
            text = f"{parts[1]}{parts[2] or ''}{f' {parts[3]}' if parts[3] else ''}" if parts else ""
            try:
                found.append(str(Requirement(text)))
            except InvalidRequirement:
                continue
    return found
