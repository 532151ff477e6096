"""A Python that is not here and cannot be brought: the next that the repository allows stands in, and that is said."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

import pytest

from hubkiln.composer.locking.python_choice import Candidates, candidates, first_had, not_allowed
from hubkiln.errors import LockFailed
from hubkiln.packages.python_choice import Choice
from hubkiln.recipes.interface import Kind, Recipe

OFFERED = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
TODAY = datetime(2026, 11, 29, tzinfo=UTC)
WINTER = datetime(2026, 1, 10, tzinfo=UTC)
"""3.14 had been out for three months then."""


def asking(python: str) -> Recipe:
    """A recipe that allows the Pythons of a range; or asks for one."""
    if python[:1].isdigit():
        return Recipe(kind=Kind.DEFAULT, folder="", python=python)
    return Recipe(kind=Kind.DEFAULT, folder="", requires_python=python or None)


async def had(
    recipe: Recipe, here: Collection[str], at: datetime = TODAY, fits: Callable[[str], bool] = lambda minor: True
) -> tuple[str, str, str]:
    """Which Python `recipe` gets where those of `here` can be had, why, and all that was said."""
    said: list[str] = []

    async def choose(first: Candidates) -> Choice:
        best = next((minor for minor in first.minors if fits(minor)), first.minors[0])
        return Choice(minor=best, why="", fits=fits(best))

    async def having(minor: str) -> str:
        if minor not in here:
            raise LockFailed(f"Python {minor} could not be brought.", hint="Install it.")
        return minor

    among = partial(candidates, recipe, "3.11", at, OFFERED)
    found, _, why = await first_had(choose, having, among, said.append)
    return found, why, "".join(said)


@pytest.mark.parametrize(
    ("python", "here", "at", "found"),
    [
        (">=3.13", ("3.11", "3.13"), TODAY, "3.13"),
        (">=3.12", ("3.11", "3.13"), TODAY, "3.13"),
        (">=3.12", ("3.11", "3.12"), TODAY, "3.12"),
        ("", ("3.12", "3.10"), TODAY, "3.12"),
        (">=3.8,<3.10", ("3.11", "3.8"), TODAY, "3.8"),
        (">=3.13", ("3.11", "3.14"), WINTER, "3.14"),
    ],
)
async def test_the_next_that_is_allowed_stands_in(python: str, here: tuple[str, ...], at: datetime, found: str) -> None:
    """The newest that can be had, or a younger one where there is no other; the reason names what is absent."""
    got, why, said = await had(asking(python), here, at)
    assert got == found
    assert "could not be had when this was locked" in why
    assert f"Python {found}: " in said


async def test_what_is_here_is_taken_without_a_word_of_others() -> None:
    """Nothing changes where the first choice can be had."""
    got, why, _ = await had(asking(">=3.13"), OFFERED)
    assert (got, "could not" in why) == ("3.14", False)


@pytest.mark.parametrize(("python", "named"), [("3.13", "3.13"), (">=3.14", "3.14"), ("==3.12.*", "3.12")])
async def test_where_no_other_is_allowed_the_one_asked_for_is_named(python: str, named: str) -> None:
    """Pinned exactly, or by a range with one Python in it: nothing stands in."""
    with pytest.raises(LockFailed, match=rf"Python {named} could not be brought") as failed:
        await had(asking(python), ("3.10", "3.11"))
    assert failed.value.hint == "Install it."


@pytest.mark.parametrize(
    ("python", "here", "found", "noted"),
    [
        (">=3.11.5", ("3.11.2", "3.12.1"), "3.12.1", ""),
        (">=3.11.5", ("3.11.7", "3.12.1"), "3.11.7", ""),
        (">=3.11.5,<3.12", ("3.11.2", "3.12.1"), "3.11.2", "3.11.2 is what can be had here"),
        ("!=3.12.1,>=3.12", ("3.12.1", "3.13.0"), "3.13.0", ""),
        (">=3.12.4", ("3.12.1", "3.13.0"), "3.12.1", "3.12.1 is what can be had here"),
    ],
)
async def test_a_release_that_is_not_allowed_is_the_last_choice(
    python: str, here: tuple[str, ...], found: str, noted: str
) -> None:
    """Another Python whose release is allowed and that has the packages goes before it; else it is taken and said."""
    recipe, said = asking(python), []

    async def choose(first: Candidates) -> Choice:
        best = min(first.minors)
        return Choice(minor=best, why="", fits=not noted or best != "3.13")

    async def having(minor: str) -> str:
        return next(one for one in here if one.startswith(f"{minor}."))

    offered = {one.rpartition(".")[0] for one in here}
    among = partial(candidates, recipe, "3.11", TODAY, offered)
    got, _, why = await first_had(choose, having, among, said.append, partial(not_allowed, recipe))
    assert got == found
    assert (f"Note: Python {noted}" in "".join(said)) is bool(noted)
    assert ("could not be had" in why) is (found == here[1])


async def test_one_that_lacks_packages_does_not_stand_in() -> None:
    """3.10 alone has the wheels: that it cannot be brought is said, and nothing is compiled for 3.11 instead."""
    with pytest.raises(LockFailed, match=r"Python 3\.10 could not be brought"):
        await had(asking(""), ("3.11", "3.12"), fits=lambda minor: minor == "3.10")


async def test_of_those_with_the_packages_the_next_stands_in() -> None:
    """Wheels for 3.9 and 3.10 alone, and no 3.10."""
    got, _, _ = await had(asking(""), ("3.9", "3.11"), fits=lambda minor: minor in ("3.9", "3.10"))
    assert got == "3.9"
