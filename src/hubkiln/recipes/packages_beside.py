"""Packages that somebody wants besides those that a repository asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hubkiln.errors import Unsupported
from hubkiln.recipes.interface import Kind, Recipe

_CLOSED = frozenset({Kind.DOCKERFILE, Kind.R, Kind.JULIA, Kind.NIX})
"""What makes an environment that nobody adds to from outside."""


def with_packages(recipe: Recipe, packages: Sequence[str]) -> Recipe:
    """
    `recipe`, asking for `packages` (requirements as of an index) too; what it pins stays pinned.

    Raises:
        Unsupported: its environment is made by something that takes no more.
    """
    if not packages:
        return recipe
    if recipe.kind in _CLOSED:
        raise Unsupported(
            "Packages cannot be added to what a Dockerfile makes, or the own files of R, Julia or Nix.",
            hint="Add them in a copy of the repository, or leave them out.",
        )
    beyond = recipe.beyond or f"+ {', '.join(packages)}"  # repo2docker would leave them out
    return replace(recipe, requirements=(*recipe.requirements, *packages), beyond=beyond)
