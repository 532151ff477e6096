"""What locking gives: a recipe with its exact packages; and where locks are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hubkiln.composer.bases import Base
from hubkiln.packages import Lock, LockRequest
from hubkiln.recipes import Recipe


class LockBook(Protocol):
    """Remembers locks, so that the same recipe gives the same packages."""

    async def find(self, recipe_key: str, repository: str, max_age: timedelta) -> str | None:
        """Text of the lock last kept for this recipe by this repository, or by any within `max_age`."""

    async def by_digest(self, digest: str) -> str | None:
        """Text of the lock with this digest, whoever it was kept for."""

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """Remember a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A recipe with its exact packages and what they stand on."""

    recipe_key: str
    """Of everything the recipe means; see :func:`hubkiln.recipes.recipe_key`."""
    lock: Lock
    base: Base


def asked(recipe: Recipe, base: Base, as_of: datetime | None) -> LockRequest:
    """What `recipe` asks the index for, on `base`."""
    return LockRequest(
        requirements=recipe.requirements,
        constraints=recipe.constraints,
        python=base.interpreter,
        as_of=as_of,
        hashes=recipe.hashes,
        conda=base.conda,
    )
