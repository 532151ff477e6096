"""How a recipe will be made where one of this installation's abilities decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.composer.repo2docker.planning import Planner
from hubkiln.composer.repo2docker.settings import Ability
from hubkiln.recipes.interface import Kind, PlanKind, Recipe

OLD = Recipe(kind=Kind.PYTHON, folder="", python="2.7", requirements=("six",))


def planner(*, here: str, engine: bool) -> Planner:
    """Of an installation with the Pythons `here`, perhaps with an engine for repo2docker."""

    async def lacks(minor: str) -> bool:
        return minor not in here.split()

    async def ability() -> Ability:
        return Ability(engine=EngineCommand(command="podman") if engine else None, reason="")

    return Planner(lacks=lacks, repo2docker=ability)


@pytest.mark.parametrize(
    ("here", "engine", "kind"),
    [
        ("2.7", True, PlanKind.COMPOSE),
        ("2.7", False, PlanKind.COMPOSE),
        ("3.11", True, PlanKind.REPO2DOCKER),
        ("3.11", False, PlanKind.COMPOSE),  # which says that there is none
    ],
)
async def test_an_old_python_that_is_not_here_comes_from_repo2docker(here: str, engine: bool, kind: PlanKind) -> None:
    """Where that can build; what it does not follow is composed, or refused, all the same."""
    plan = await planner(here=here, engine=engine).plan(OLD)
    assert plan.kind is kind
    if kind is PlanKind.REPO2DOCKER:
        assert plan.why == ("Python 2.7 is not on this machine, and repo2docker has it",)
    assert (await planner(here=here, engine=engine).plan(replace(OLD, beyond="uv.lock"))).kind is PlanKind.COMPOSE
