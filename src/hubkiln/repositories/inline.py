"""A package list instead of a repository: ``inline/python=3.12,numpy`` becomes the files that would ask for it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import BadSpec
from hubkiln.repositories.commands import pinned
from hubkiln.repositories.filling import filling
from hubkiln.repositories.interface import Refs
from hubkiln.repositories.kind import Kind, whole
from hubkiln.values import Checkout, Revision, Say, Spec

_PYTHON = re.compile(r"python\s*={1,2}\s*(\d+\.\d+)(?:\.\d+|\.\*)?")
_SPLIT = re.compile(r",(?!\s*[<>=!~])")


def canonical(text: str) -> str:
    """
    The packages sorted and spelled one way, separated by commas, a Python version first.

    Raises:
        BadSpec: not a list of packages.
    """
    if len(text) > 20_000:
        raise BadSpec("The package list is too long.", hint="Put it into a repository's requirements.txt.")
    python: str | None = None
    found: dict[str, Requirement] = {}
    for piece in pieces(text):
        if match := _PYTHON.fullmatch(piece):
            python = match[1]
            continue
        requirement = _requirement(piece)
        if found.setdefault(key := _key(requirement), requirement) != requirement:
            raise BadSpec(f"`{requirement.name}` is in the list twice, asked for differently.", hint="Name it once.")
        found[key] = requirement
    if not found and python is None:
        raise BadSpec("The package list is empty.", hint="Write it as `inline/numpy,pandas==2.2`.")
    return ",".join([*([f"python=={python}"] if python else []), *(_spell(found[key]) for key in sorted(found))])


def pieces(text: str) -> list[str]:
    """Requirements separated by commas, spaces or lines; commas within extras and version sets separate nothing."""
    found: list[str] = []
    for line in text.splitlines():
        depth = 0
        spaced = "".join(
            "\x00" if char == "," and depth else char
            for char in line
            if (depth := depth + (char in "[(") - (char in "])")) is not None
        )
        for part in _SPLIT.split(spaced):
            whole = part.replace("\x00", ",").strip()
            found += [whole] if _is_requirement(whole) else whole.split()
    return [piece for piece in found if piece]


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _requirement(text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if re.fullmatch(r"[\w.-]+=\d[\w.*]*", text):  # conda's way
            raise BadSpec(
                f"`{text[:60]}` is not a package.", hint=f"Write it as `{pinned([text])[0][:60]}`."
            ) from error
        shown = ascii(text)[1:-1][:60]
        raise BadSpec(f"`{shown}` is not a package.", hint="Write packages as `numpy` or `pandas==2.2`.") from error
    if requirement.url is not None:
        raise BadSpec(
            f"`{requirement.name}` comes from an address.", hint="Only packages of the index can be listed here."
        )
    return requirement


def _key(requirement: Requirement) -> str:
    return f"{canonicalize_name(requirement.name)};{requirement.marker or ''}"


def _spell(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{canonicalize_name(requirement.name)}{extras}{requirement.specifier}{marker}"


KIND = Kind(
    title="List of packages",
    example="numpy,pandas",
    canonical=canonical,
    read_link=whole,
    one_segment=True,
    refs=False,
)


class Inline:
    """Package lists."""

    name = "inline"

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`; nothing is looked up."""
        digest = hashlib.sha256(spec.repository.encode()).hexdigest()
        return Revision(spec=spec, commit=digest, url="", name="packages")

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """Writes ``requirements.txt``, and ``runtime.txt`` where a Python is asked for."""
        listed = pieces(revision.spec.repository)
        python = [match[1] for piece in listed if (match := _PYTHON.fullmatch(piece))]
        packages = [piece for piece in listed if not _PYTHON.fullmatch(piece)]
        async with filling(into, "the package list", 60):
            if packages:
                (into / "requirements.txt").write_text("".join(f"{line}\n" for line in packages))
            if python:
                (into / "runtime.txt").write_text(f"python-{python[-1]}\n")
        return Checkout(revision=revision, path=into)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`; there are none."""
        return Refs()

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; there are none."""
        return ""

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; there is none."""
        return ""
