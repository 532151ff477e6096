"""How a recipe will be made here, by what this installation can do; repo2docker is looked for only where needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hubkiln import recipes
from hubkiln.composer.repo2docker.settings import Ability
from hubkiln.recipes import Need, Plan, PlanKind, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Plans recipes."""

    can: frozenset[Need] = frozenset()
    """What is built here beyond placing wheels."""
    hints: Mapping[Need, str] = field(default_factory=dict)
    """How to get what cannot."""
    repo2docker: Callable[[], Awaitable[Ability]] | None = None
    """Whether repo2docker can build here; None where it is never asked."""
    lacks: Callable[[str], Awaitable[bool]] | None = None
    """Whether a Python is not here, and uv has none such to bring."""

    async def plan(self, recipe: Recipe) -> Plan:
        """
        The plan of `recipe`.

        Raises:
            Unsupported: it cannot be made here.
        """
        can, hints = self.can, dict(self.hints)
        asked = recipes.asks_for_r(recipe) or not recipes.needs(recipe).keys() <= can
        if self.repo2docker is not None and asked:
            found = await self.repo2docker()
            can = can | {Need.REPO2DOCKER} if found.engine is not None else can
            hints[Need.REPO2DOCKER] = found.hint
        found_plan = recipes.plan(recipe, can, hints)
        if found_plan.kind is PlanKind.REPO2DOCKER or not await self._has_to(recipe):
            return found_plan
        why = (f"Python {recipe.python} is not on this machine, and repo2docker has it",)
        return Plan(kind=PlanKind.REPO2DOCKER, why=why, needs=(Need.REPO2DOCKER,))

    async def _has_to(self, recipe: Recipe) -> bool:
        """Whether the Python that `recipe` asks for is to be had from repo2docker alone."""
        if recipe.python is None or recipe.beyond is not None or self.lacks is None or self.repo2docker is None:
            return False
        return await self.lacks(recipe.python) and (await self.repo2docker()).engine is not None
