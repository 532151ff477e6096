"""How a recipe will be made here, by what this installation can do; repo2docker is looked for only where needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hubkiln import recipes
from hubkiln.composer.repo2docker.settings import Ability
from hubkiln.recipes import Need, Plan, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Plans recipes."""

    can: frozenset[Need] = frozenset()
    """What is built here beyond placing wheels."""
    hints: Mapping[Need, str] = field(default_factory=dict)
    """How to get what cannot."""
    repo2docker: Callable[[], Awaitable[Ability]] | None = None
    """Whether repo2docker can build here; None where it is never asked."""

    async def plan(self, recipe: Recipe) -> Plan:
        """
        The plan of `recipe`.

        Raises:
            Unsupported: it cannot be made here.
        """
        can, hints = self.can, dict(self.hints)
        if self.repo2docker is not None and not recipes.needs(recipe).keys() <= can:
            found = await self.repo2docker()
            can = can | {Need.REPO2DOCKER} if found.engine is not None else can
            hints[Need.REPO2DOCKER] = found.hint
        return recipes.plan(recipe, can, hints)
