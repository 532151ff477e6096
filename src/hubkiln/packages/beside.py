"""Wheels built here that name others built here by an address: described to uv by the names of those.

A package may ask for ``x @ git+https://…`` or, as Poetry writes it, ``x @ file:///srv/repo/x``. uv takes that only from
who asks for the same address, and we ask for the wheel that was built of it. One that was not built keeps its address,
so that uv refuses it: the public package of its name may be another one.
"""

from __future__ import annotations

from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from hubkiln.packages.repair import Repaired
from hubkiln.packages.wheel_needs import description


def described(folder: Path) -> list[Repaired]:
    """What those wheels in `folder` need that name one of the others by an address. Blocks."""
    wheels = sorted(folder.glob("*.whl"))
    built = {str(name): str(version) for name, version, *_ in (parse_wheel_filename(path.name) for path in wheels)}
    found = []
    for path in wheels:
        name, version, *_ = parse_wheel_filename(path.name)
        headers = HeaderParser().parsestr(description(path), headersonly=True)
        asked = headers.get_all("Requires-Dist") or []
        requires = tuple(_by_name(line, built) for line in asked)
        if requires != tuple(asked):
            extras = tuple(headers.get_all("Provides-Extra") or ())
            found.append(Repaired(str(name), str(version), requires, extras))
    return found


def _by_name(line: str, built: dict[str, str]) -> str:
    """`line` with the version of what was `built` in place of an address."""
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError, ValueError):
        return line
    version = built.get(canonicalize_name(requirement.name))
    if requirement.url is None or version is None:
        return line
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}=={version}" + (f" ; {requirement.marker}" if requirement.marker else "")
