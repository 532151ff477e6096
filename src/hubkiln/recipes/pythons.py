"""Chooses an environment's Python: what was asked for, else the default if the project allows it, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hubkiln.errors import Unsupported
from hubkiln.recipes.interface import Recipe

OLDEST_SERVER = (3, 10)
"""The oldest Python that can run the Jupyter server; for older ones notebooks run in a kernel beside it."""


def for_kernel(minor: str) -> bool:
    """Whether `minor` is too old for the server."""
    return tuple(map(int, minor.split("."))) < OLDEST_SERVER


def for_kernel_alone(python: str | None, allowed: str | None) -> bool:
    """Whether `python`, or all that is `allowed` where none is asked for, is too old for the server."""
    if python is not None:
        return for_kernel(python)
    return allowed is not None and not any(allows(allowed, f"3.{minor}") for minor in range(OLDEST_SERVER[1], 40))


def choose_python(recipe: Recipe, available: Sequence[str], default: str) -> str:
    """
    The minor version to build `recipe` with, one of `available`.

    Raises:
        Unsupported: none of them will do; the message says which there are.
    """
    if recipe.python is not None:
        if recipe.python in available:
            return recipe.python
        raise _missing(f"Python {recipe.python}", available)
    if recipe.requires_python is None:
        return default
    allowed = [version for version in sorted(available, key=Version) if allows(recipe.requires_python, version)]
    if not allowed:
        raise _missing(f"Python {recipe.requires_python}", available)
    return default if default in allowed else allowed[-1]


def allows(specifier: str, minor: str) -> bool:
    """Whether some release of the version `minor` is allowed: ``>=3.11.2`` allows 3.11."""
    versions = SpecifierSet(specifier)
    return any(versions.contains(f"{minor}.{patch}") for patch in range(40))


def _missing(wanted: str, available: Sequence[str]) -> Unsupported:
    there = ", ".join(sorted(available, key=Version)) or "none"
    return Unsupported(
        f"The repository asks for {wanted}, which this installation does not have.",
        hint=f"It has {there}; ask for one of these, or ask an admin to add that version.",
    )
