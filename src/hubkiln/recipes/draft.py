"""What files ask pip for, collected: each line goes to one of four heaps."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field, fields

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import LockFailed, RecipeError

Heap = dict[str, None]
"""Lines in order, none twice."""


@dataclass(slots=True)
class RecipeDraft:
    """Grows while files are read."""

    requirements: Heap = field(default_factory=dict)
    constraints: Heap = field(default_factory=dict)
    local: Heap = field(default_factory=dict)
    direct: Heap = field(default_factory=dict)
    hashes: dict[str, set[str]] = field(default_factory=dict)
    warnings: Heap = field(default_factory=dict)

    def require(self, requirement: Requirement) -> None:
        """A public package, by its name; raises RecipeError for an address, which is for :meth:`fetch`."""
        _check_named(requirement)
        self.requirements[spell(requirement)] = None

    def constrain(self, requirement: Requirement) -> None:
        """A limit to versions; extras mean nothing there. Raises RecipeError for an address."""
        _check_named(requirement)
        requirement.extras = set()
        self.constraints[spell(requirement)] = None

    def install(self, argument: str) -> None:
        """A folder or file of the tree."""
        self.local[argument] = None

    def fetch(self, requirement: str) -> None:
        """A package at an address: a git repository or an archive."""
        self.direct[requirement] = None

    def warn(self, sentence: str) -> None:
        """Something the user should know."""
        self.warnings[sentence] = None

    def allow(self, name: str, sha256: str) -> None:
        """One more file that may be used for the package `name`."""
        self.hashes.setdefault(canonicalize_name(name), set()).add(sha256.lower())

    def copy(self) -> RecipeDraft:
        """One that grows by itself from here on."""
        return deepcopy(self)

    def become(self, other: RecipeDraft) -> None:
        """Hold what `other` holds, and nothing else."""
        for one in fields(other):
            setattr(self, one.name, getattr(other, one.name))

    def asks_beyond(self, other: RecipeDraft) -> bool:
        """Whether it asks for anything that `other` does not."""
        return any(
            mine.keys() - theirs.keys()
            for mine, theirs in (
                (self.requirements, other.requirements),
                (self.constraints, other.constraints),
                (self.local, other.local),
                (self.direct, other.direct),
            )
        )

    def frozen_hashes(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Sorted, as a recipe keeps them."""
        return tuple((name, tuple(sorted(self.hashes[name]))) for name in sorted(self.hashes))


def _check_named(requirement: Requirement) -> None:
    """Names and extras in other tools' tables can be written so that an address comes of them, which nobody checked."""
    if requirement.url is not None:
        raise RecipeError(
            f"`{requirement.name}` is written so that an address comes of it.", hint="Write the package's name alone."
        )


def is_own(argument: str) -> bool:
    """Whether an argument for ``pip install`` is the repository itself."""
    return re.match(r"(-e )?\.($|[ '])", argument) is not None


def spell(requirement: Requirement) -> str:
    """One spelling for requirements that mean the same."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    url = f" @ {requirement.url}" if requirement.url else ""
    specifiers = ",".join(sorted(str(one) for one in requirement.specifier))
    marker = f"{' ' if url else ''}; {requirement.marker}" if requirement.marker else ""
    return f"{canonicalize_name(requirement.name)}{extras}{url}{specifiers}{marker}"


def pin(name: str, version: str, *, marker: str = "", extras: tuple[str, ...] = ()) -> Requirement:
    """
    ``name==version``.

    Raises:
        InvalidRequirement.
    """
    inner = f"[{','.join(extras)}]" if extras else ""
    return Requirement(f"{name}{inner}=={version}" + (f" ; {marker}" if marker else ""))


def check_hashes(hashes: tuple[tuple[str, tuple[str, ...]], ...], files: list[tuple[str, str]]) -> None:
    """
    Compare locked `files`, (normalised name, sha256) each, with a recipe's `hashes`; packages it does not name pass.

    Raises:
        LockFailed: a file is not among those that the repository lists.
    """
    allowed = dict(hashes)
    for name, sha256 in files:
        if name in allowed and sha256.lower() not in allowed[name]:
            raise LockFailed(
                f"The file that the index has for {name} is not one whose hash the repository lists.",
                hint="Make the repository's lock or `--hash` lines again; they may be for another platform.",
            )


__all__ = ["InvalidRequirement", "RecipeDraft", "check_hashes", "is_own", "pin", "spell"]
