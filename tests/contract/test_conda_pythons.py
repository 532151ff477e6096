"""The Pythons that an `environment.yml` asks for are those that conda's own reading of it allows."""

from __future__ import annotations

import random

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes.conda_python import read_conda_python
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.pythons import allows

rattler = pytest.importorskip("rattler")
MINORS = ["2.7", *(f"3.{minor}" for minor in range(5, 16))]
VERSIONS = ["2.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.11.4", "3.10.0", "3.12.1"]
AS_IT_IS = ("=", ">=", "<=", ">", "<", "!=", "~=")
STARRED = ("=", "!=", "<", ">=")
"""`==3.11` and `==3.11.*` are left out: there we take any release of 3.11, where conda has one."""


def by_conda(spec: str) -> set[str]:
    """The Pythons of which some release is what `spec` asks for."""
    wanted = rattler.VersionSpec(str(rattler.MatchSpec(spec).version))
    releases = {minor: [rattler.Version(f"{minor}.{patch}") for patch in (0, 1, 2, 4, 5, 24)] for minor in MINORS}
    return {minor for minor, found in releases.items() if any(wanted.matches(one) for one in found)}


def by_us(spec: str) -> set[str]:
    """The same as we read it."""
    minor, allowed = read_conda_python([(spec, "`environment.yml`, line 1")], RecipeDraft())
    return {minor} if minor else {one for one in MINORS if not allowed or allows(allowed, one)}


def specs(count: int, seed: int) -> set[str]:
    """Made-up ones, as people write them and with everything that may be joined."""
    dice = random.Random(seed)

    def part() -> str:
        star = dice.choice(["", "", ".*", "*"])
        version = dice.choice(VERSIONS)
        return f"{dice.choice(STARRED if star else AS_IT_IS)}{version}{star}"

    found = set()
    for _ in range(count):
        body = part()
        for _ in range(dice.choice([0, 0, 1, 1, 2])):
            body += dice.choice([",", "|", ", ", " | "]) + part()
        found |= {dice.choice(["python", "python "]) + body, f"python[version='{body}']"}
    return found


def test_conda_reads_them_as_we_do() -> None:
    """Some hundred, in both ways that a spec may be written; what only we do not understand is refused."""
    checked = 0
    for spec in sorted(specs(120, 20)):
        try:
            ours = by_us(spec)
        except RecipeError:
            continue
        checked += 1
        assert ours == by_conda(spec), spec
    assert checked > 120
