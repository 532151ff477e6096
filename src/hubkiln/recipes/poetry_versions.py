"""Poetry's own way to write versions, in the words of pip. Pure."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_PART = re.compile(r"(?P<sign>\^|~(?!=)|~=|={1,3}|!=|<=|>=|<|>|)\s*v?(?P<version>[^\s^~=!<>]+)")
_BETWEEN = re.compile(r"\s*,\s*|(?<=[\w*])\s+(?=[\^~=!<>])")


def specifier(text: str) -> str | None:
    """``>=1.2,<2`` for ``^1.2``, empty for any; None for what no specifier says (``^1 || ^2``), or what is none."""
    found = [_part(part) for part in _BETWEEN.split(text[:200].strip())]
    if any(one is None for one in found):
        return None
    try:
        return str(SpecifierSet(",".join(one for one in found if one)))
    except InvalidSpecifier:
        return None


def _part(text: str) -> str | None:
    if text in ("", "*"):
        return ""
    if (match := _PART.fullmatch(text)) is None:
        return None
    sign, version = match["sign"], match["version"]
    if sign not in ("^", "~"):
        return f"{'==' if sign in ('', '=') else sign}{version}"
    try:
        return f">={version},<{_end(sign, Version(version).release)}"
    except InvalidVersion:
        return None


def _end(sign: str, release: tuple[int, ...]) -> str:
    """The first version that is none any more: one with another leftmost number that is not zero, or another minor."""
    if sign == "~":
        kept = min(len(release), 2)
    else:
        kept = next((place for place, number in enumerate(release, 1) if number), len(release))
    return ".".join(map(str, (*release[: kept - 1], release[kept - 1] + 1)))
