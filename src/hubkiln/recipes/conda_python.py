"""Which Python an `environment.yml` asks for, in the ways that conda's match specs can say it.

A version that is not understood is refused: another Python than the one asked for is not chosen in silence.
"""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.pythons import allows

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_OPTION = re.compile(r"\s*(\w+)\s*=\s*('[^']*'|\"[^\"]*\"|[^,\s'\"]+)\s*(?:,|$)")
_KNOWN = {"version", "build", "build_number", "channel", "subdir"}
_PLAIN = re.compile(r"={0,3}(?P<version>[23](?:\.\d{1,3}){0,2})(?P<any>(?:\.)?\*)?")
_MINORS = ("2.7", *(f"3.{number}" for number in range(5, 40)))
"""Among these alternatives are looked for."""


def read_conda_python(specs: list[tuple[str, str]], draft: RecipeDraft) -> tuple[str | None, str | None]:
    """
    The minor version that `specs` (of python alone) name, else the versions allowed; neither where any will do.

    Beside each spec is where it stands: file and line.

    Raises:
        RecipeError: one is not understood, or they contradict each other.
    """
    minors: dict[str, None] = {}
    ranges: list[str] = []
    for spec, place in specs:
        minor, allowed = _read(spec, place, draft)
        minors |= {minor: None} if minor else {}
        ranges += [allowed] if allowed else []
    try:
        together = str(SpecifierSet(",".join(ranges))) or None
    except InvalidSpecifier as error:
        raise _not_understood(specs[0][1], specs[0][0]) from error
    if len(minors) > 1 or any(together and not allows(together, minor) for minor in minors):
        asked = ", ".join(f"`{_shown(spec)}`" for spec, _ in specs)
        raise RecipeError(f"{specs[-1][1]}: Pythons contradict each other: {asked}.", hint="Ask for one of them.")
    return (next(iter(minors)), None) if minors else (None, together)


def _read(spec: str, place: str, draft: RecipeDraft) -> tuple[str | None, str | None]:
    """One spec: the minor version it names, or the versions it allows."""
    version, build = _parts(spec, place)
    if "::" in spec or re.search(r"\bchannel\s*=", spec):
        draft.warn(f"{place}: the channel in `{_shown(spec)}` is not followed for Python, its version is.")
    if build not in ("", "*"):
        draft.warn(f"{place}: the build in `{_shown(spec)}` is not followed, its version is.")
    if version in ("", "*", "=", "=*", "==*"):
        return None, None
    if match := _PLAIN.fullmatch(version):
        return _minor(match, spec, place, draft)
    if re.search(r"=>|=<", version):
        raise _not_understood(place, spec)
    try:
        alternatives = [_range(one) for one in version.split("|")]
        if len(alternatives) == 1:
            return None, alternatives[0] or None
        if not all(alternatives):
            raise _not_understood(place, spec)
        return None, _any_of(alternatives)
    except (InvalidSpecifier, LookupError) as error:
        raise _not_understood(place, spec) from error


def _range(version: str) -> str:
    """Conditions that all hold, as PEP 440 has them; none for any version."""
    if any(re.fullmatch(r"[=!]*3\.[123]\*", part) for part in version.split(",")):
        raise LookupError  # see :func:`_minor`
    # conda takes `>=3.9.*` for `>=3.9`; `3.12` among others (`3.12,<3.13`) is `3.12.*`
    parts = [re.sub(r"^([<>]=?\d[\d.]*?)\.?\*$", r"\1", part) for part in version.split(",")]
    parts = [re.sub(r"^!=(\d[\d.]*?)\.?\*$", r"!=\1.*", part) for part in parts]
    parts = [re.sub(r"^=*(\d[\d.]*?)(\.?\*)?$", r"==\1.*", part) for part in parts if part]
    return str(SpecifierSet(",".join(parts)))


def _any_of(ranges: list[str]) -> str:
    """The minor versions that one of `ranges` allows, as one range with what lies between them left out."""
    allowed = [minor for minor in _MINORS if any(allows(one, minor) for one in ranges)]
    first, last = _MINORS.index(allowed[0]), _MINORS.index(allowed[-1])
    parts = [f">={allowed[0]}", *(f"!={minor}.*" for minor in _MINORS[first:last] if minor not in allowed)]
    if last + 1 < len(_MINORS):
        parts.append(f"<{_MINORS[last + 1]}")
    return ",".join(parts)


def _minor(match: re.Match[str], spec: str, place: str, draft: RecipeDraft) -> tuple[str | None, str | None]:
    version = match["version"]
    parts = version.split(".")
    if match["any"] == "*" and len(parts) == 2 and len(parts[1]) == 1 and parts[0] == "3" and parts[1] in "123":
        raise _not_understood(place, spec)  # `3.1*` is 3.1 and 3.10 to 3.19
    if len(parts) > 2:
        draft.warn(f"{place} names Python {version}; any release of {parts[0]}.{parts[1]} is used.")
    if len(parts) == 1:
        return ("2.7" if version == "2" else None), None
    return f"{parts[0]}.{parts[1]}", None


def _parts(spec: str, place: str) -> tuple[str, str]:
    """Version and build, wherever conda lets them stand: in brackets, after `=`, after a space."""
    options: dict[str, str] = {}
    for inner in _BRACKETS.findall(spec):
        found = _OPTION.findall(inner)
        if _OPTION.sub("", inner).strip() or not {key for key, _ in found} <= _KNOWN:
            raise _not_understood(place, spec)
        options |= {key: value.strip("'\"") for key, value in found}
    rest = _BRACKETS.sub("", spec.split("::")[-1]).strip()[len("python") :].strip()
    if match := re.fullmatch(r"\(([^()]*)\)(.*)", rest):
        rest = f"{match[1].strip()} {match[2].strip()}".strip()
    rest = re.sub(r"\s*([,|])\s*", r"\1", rest)
    rest = re.sub(r"([<>=!~])\s+", r"\1", rest)
    version, _, build = rest.partition(" ")
    if " " in build or build.startswith(("<", ">", "=", "!", "~")):  # a comma is missing
        raise _not_understood(place, spec)
    version = options.get("version", "").replace(" ", "") or version
    if not re.search(r"[<>!~,|]", version) and (match := re.fullmatch(r"(=*[^=]+)=([^=]*)", version)):
        version, build = match[1], build or match[2]
    return version, options.get("build") or build or options.get("build_number", "")


def _not_understood(place: str, spec: str) -> RecipeError:
    return RecipeError(
        f"{place}: the Python that `{_shown(spec)}` asks for is not understood.",
        hint="Write it as `python=3.12` or `python>=3.10,<3.13`.",
    )


def _shown(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)[:80]
