"""Which path a recipe takes where only some needs can be met, which Python it gets, and which key it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hubkiln.errors import Unsupported
from hubkiln.packages import interpreters
from hubkiln.packages.cpython import RELEASED
from hubkiln.recipes import Kind, Need, Recipe, choose_python, plan, planner, pythons, recipe_key, with_packages
from hubkiln.recipes.interface import PlanKind

NOTHING: frozenset[Need] = frozenset()
RUN_STEPS = frozenset({Need.APT, Need.POST_BUILD, Need.INSTALL_PROJECT, Need.DIRECT, Need.SDIST})
EVERYTHING = frozenset(Need)
PLAIN = Recipe(kind=Kind.PYTHON, folder="", requirements=("numpy", "pandas>=2"))
STEPS = replace(
    PLAIN, apt=("git",), post_build="postBuild", local=(".",), direct=("git+https://h/r",), whole_tree="why"
)


def test_what_is_missing_is_said_with_how_to_get_it() -> None:
    """The installation knows why it cannot; the user reads it."""
    dockerfile = Recipe(kind=Kind.DOCKERFILE, folder="")
    with pytest.raises(Unsupported) as refused:
        plan(dockerfile, NOTHING, {Need.REPO2DOCKER: "apt install podman", Need.CONDA: "something else"})
    assert refused.value.hint == "apt install podman"


def test_wheels_alone_are_composed() -> None:
    """A recipe of wheels needs nothing."""
    assert plan(PLAIN, NOTHING).kind is PlanKind.COMPOSE


def test_every_unmet_need_is_named() -> None:
    """The refusal lists all that is missing, not the first."""
    with pytest.raises(Unsupported) as caught:
        plan(STEPS, NOTHING)
    for named in ("`apt.txt` needs run steps", "`postBuild`", "pip install .", "git+https://h/r"):
        assert named in caught.value.message
    assert "doctor" in caught.value.hint


def test_added_packages_are_asked_for_and_make_another_key() -> None:
    """Beside the repository's own, whose pins stay; without any, nothing changes."""
    pinned = replace(PLAIN, constraints=("numpy==1.26.4",))
    added = with_packages(pinned, ["polars", "scipy>=1"])
    assert added.requirements == ("numpy", "pandas>=2", "polars", "scipy>=1")
    assert added.constraints == pinned.constraints and plan(added, NOTHING).kind is PlanKind.COMPOSE
    assert key(added) != key(pinned) and with_packages(pinned, []) is pinned


@pytest.mark.parametrize("kind", [Kind.DOCKERFILE, Kind.R, Kind.JULIA, Kind.NIX])
def test_nothing_is_added_to_what_others_make(kind: Kind) -> None:
    """It would be left out in silence."""
    with pytest.raises(Unsupported, match="cannot be added"):
        with_packages(Recipe(kind=kind, folder=""), ["polars"])


@pytest.mark.parametrize("recipe", [STEPS, replace(PLAIN, kind=Kind.CONDA, conda=("r-base",))])
def test_what_has_packages_added_does_not_fall_back(recipe: Recipe) -> None:
    """repo2docker reads the repository alone, and would leave them out."""
    only = frozenset({Need.REPO2DOCKER, Need.CONDA})
    assert plan(recipe, only).kind is PlanKind.REPO2DOCKER
    added = with_packages(recipe, ["polars"])
    if recipe is STEPS:
        with pytest.raises(Unsupported):
            plan(added, only)
    else:
        assert plan(added, only).kind is PlanKind.COMPOSE


def test_run_steps_are_preferred_to_repo2docker() -> None:
    """What can be done here is done here, in the order of the steps."""
    found = plan(STEPS, EVERYTHING)
    assert found.kind is PlanKind.RUN_STEPS
    assert found.needs == (Need.APT, Need.DIRECT, Need.INSTALL_PROJECT, Need.POST_BUILD)


def test_repo2docker_steps_in_where_steps_cannot_run() -> None:
    """With an engine, what cannot be composed goes to repo2docker; each reason is given."""
    found = plan(STEPS, frozenset({Need.REPO2DOCKER}))
    assert (found.kind, len(found.why)) == (PlanKind.REPO2DOCKER, 4)


def test_repo2docker_does_not_get_what_it_would_misread() -> None:
    """A lock that it does not know cannot fall back to it."""
    with pytest.raises(Unsupported):
        plan(replace(STEPS, beyond="uv.lock"), frozenset({Need.REPO2DOCKER}))


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        (Recipe(kind=Kind.DOCKERFILE, folder=""), "Dockerfile"),
        (Recipe(kind=Kind.R, folder=""), "R"),
        (Recipe(kind=Kind.JULIA, folder=""), "Julia"),
        (Recipe(kind=Kind.NIX, folder=""), "Nix"),
        (replace(PLAIN, python="2.7", conda=("numpy",)), "Python 2.7 from conda"),
        (replace(PLAIN, requires_python="<3", conda=("numpy",)), "Python <3 from conda"),
    ],
)
def test_what_only_repo2docker_builds(recipe: Recipe, named: str) -> None:
    """These go to repo2docker, and are refused by name where there is none."""
    assert plan(recipe, EVERYTHING).kind is PlanKind.REPO2DOCKER
    with pytest.raises(Unsupported, match=rf"^{named}.*repo2docker"):
        plan(recipe, RUN_STEPS)


def test_an_old_python_is_planned_as_it_can_be_made() -> None:
    """Planner and packages agree on the oldest; a newer one is suggested; repo2docker gets no lock it does not know."""
    assert (
        interpreters.OLDEST_KERNEL == (2, 7) < interpreters.NOT_AT_ALL[0] < interpreters.NOT_AT_ALL[1] == planner.OLDEST
    )
    assert pythons.OLDEST_SERVER == interpreters.OLDEST
    old = replace(PLAIN, python="2.7", conda=("numpy",))
    with pytest.raises(Unsupported) as caught:
        plan(old, RUN_STEPS, {Need.REPO2DOCKER: "Install podman."})
    assert caught.value.hint == "Install podman. Or ask for Python 3.5 or newer."
    with pytest.raises(Unsupported, match=r"does not follow `pylock\.toml`"):
        plan(replace(old, beyond="pylock.toml"), EVERYTHING)
    for python in ("3.10", "3.9", "3.5", "2.7"):
        assert plan(replace(PLAIN, python=python), RUN_STEPS).kind is PlanKind.COMPOSE


@pytest.mark.parametrize(("python", "allowed"), [("3.9", None), ("3.5", None), (None, "<3.7"), (None, ">=3.6,<3.10")])
def test_condas_old_pythons_are_composed(python: str | None, allowed: str | None) -> None:
    """As kernels beside the server, as far back as those of wheels, and without an engine."""
    old = replace(PLAIN, kind=Kind.CONDA, python=python, requires_python=allowed, conda=("numpy",))
    assert plan(old, frozenset({Need.CONDA})).kind is PlanKind.COMPOSE


def test_conda_packages_are_composed_where_they_can_be() -> None:
    """Conda packages are a need of their own."""
    conda = replace(PLAIN, kind=Kind.CONDA, conda=("numpy",))
    assert plan(conda, frozenset({Need.CONDA})).kind is PlanKind.COMPOSE
    with pytest.raises(Unsupported, match="conda packages"):
        plan(conda, RUN_STEPS)


def test_r_from_conda_comes_with_rstudio_where_repo2docker_can_build() -> None:
    """Elsewhere its packages are composed, and it is said what is not among them."""
    with_r = replace(PLAIN, kind=Kind.CONDA, conda=("conda-forge::r-base=4.3", "r-irkernel"))
    assert plan(with_r, EVERYTHING).kind is PlanKind.REPO2DOCKER
    found = plan(with_r, frozenset({Need.CONDA}))
    assert (found.kind, found.needs) == (PlanKind.COMPOSE, (Need.CONDA,))
    assert found.why[-1] == "Notebooks have R; RStudio, which repo2docker would add, is not in it."


@pytest.mark.parametrize(
    ("python", "allowed", "chosen"),
    [
        (None, None, "3.11"),
        ("3.12", None, "3.12"),
        (None, ">=3.9", "3.11"),
        (None, ">=3.12", "3.13"),
        (None, ">=3.11.2,<3.12", "3.11"),
        (None, "<3.10", "3.9"),
    ],
)
def test_the_python_that_is_chosen(python: str | None, allowed: str | None, chosen: str) -> None:
    """What is asked for; else the default if it will do; else the newest that will."""
    recipe = replace(PLAIN, python=python, requires_python=allowed)
    assert choose_python(recipe, ["3.9", "3.13", "3.12", "3.11"], "3.11") == chosen


@pytest.mark.parametrize(("python", "allowed"), [("3.8", None), (None, ">=3.14")])
def test_a_python_that_is_not_there(python: str | None, allowed: str | None) -> None:
    """The versions that are there are offered."""
    with pytest.raises(Unsupported, match="asks for Python") as caught:
        choose_python(replace(PLAIN, python=python, requires_python=allowed), ["3.13", "3.9"], "3.9")
    assert "3.9, 3.13" in caught.value.hint


def key(recipe: Recipe, *, python: str = "3.11", commit: str = "a", subdir: str = "") -> str:
    return recipe_key(recipe, python=python, base="base", commit=commit, subdir=subdir)


@pytest.mark.parametrize(
    "same",
    [
        replace(PLAIN, requirements=("pandas>=2", "numpy")),
        replace(PLAIN, folder="binder", files=(("binder/requirements.txt", "0"),), warnings=("x",)),
        replace(PLAIN, kind=Kind.CONDA, channels=()),
        replace(PLAIN, start="start"),
    ],
)
def test_how_it_is_written_does_not_matter(same: Recipe) -> None:
    """Order, place, comments and `start` do not change the environment, nor its key."""
    assert key(same) == key(PLAIN)
    assert key(PLAIN, commit="b", subdir="x") == key(PLAIN)


CHANGES: list[Callable[[Recipe], Recipe]] = [
    lambda recipe: replace(recipe, requirements=("numpy",)),
    lambda recipe: replace(recipe, constraints=("numpy<2",)),
    lambda recipe: replace(recipe, hashes=(("numpy", ("00",)),)),
    lambda recipe: replace(recipe, direct=("git+https://h/r",)),
    lambda recipe: replace(recipe, conda=("gdal",)),
    lambda recipe: replace(recipe, channels=("bioconda",)),
    lambda recipe: replace(recipe, apt=("git",)),
    lambda recipe: replace(recipe, env=(("A", "1"),)),
    lambda recipe: replace(recipe, post_build="postBuild", whole_tree="why"),
    lambda recipe: replace(recipe, local=(".",), whole_tree="why"),
]


def test_whatever_changes_the_environment_changes_the_key() -> None:
    """Each thing that is asked for, and the Python, counts."""
    keys = [key(PLAIN), key(PLAIN, python="3.12"), *(key(change(PLAIN)) for change in CHANGES)]
    assert len(set(keys)) == len(keys)


def test_the_commit_counts_where_the_tree_is_read() -> None:
    """With `postBuild` every commit, and every folder, is its own environment."""
    keys = {key(STEPS), key(STEPS, commit="b"), key(STEPS, subdir="x")}
    assert len(keys) == 3


@pytest.mark.parametrize("python", ["2.6", "3.4", "3.3"])
def test_a_python_that_nobody_brings_is_refused_when_it_is_planned(python: str) -> None:
    """Also where repo2docker could be asked, which would fail later; the hint says which there are."""
    with pytest.raises(Unsupported, match=f"Python {python} cannot be had") as caught:
        plan(replace(PLAIN, python=python), frozenset(Need))
    assert "2.7, or for one from 3.5" in caught.value.hint


@pytest.mark.parametrize("python", ["3.15", "3.99", "4.0"])
def test_a_python_that_conda_will_not_have_is_refused_when_it_is_planned(python: str) -> None:
    """No channel has to be asked; what this machine has is known to whoever looks there."""
    recipe = Recipe(kind=Kind.CONDA, folder="", python=python, conda=("zlib",))
    with pytest.raises(Unsupported, match=f"Python {python} cannot be had: it is newer than any") as caught:
        plan(recipe, frozenset(Need))
    assert "3.14, the newest known here" in caught.value.hint
    assert plan(replace(recipe, conda=()), frozenset()).needs == ()
    assert plan(replace(recipe, python="3.14"), frozenset(Need)).needs == (Need.CONDA,)


@pytest.mark.parametrize("allowed", [">=3.99", ">=3.20", ">3.14.99", ">=4", "<2.7", "==3.3.*", "<3.9,>=3.12"])
def test_a_range_without_a_python_is_refused_when_it_is_planned(allowed: str) -> None:
    """Not after the packages have been looked for."""
    with pytest.raises(Unsupported, match="No Python that can be had") as caught:
        plan(replace(PLAIN, requires_python=allowed), EVERYTHING)
    assert f"from 3.5 to {[*RELEASED][-1]}, the newest known here" in caught.value.hint


@pytest.mark.parametrize("allowed", [">=3.8,<3.13", "<3", "!=3.10.*,>=3.9", ">=3.6,<3.8", ">=3.14"])
def test_a_range_with_a_python_is_planned(allowed: str) -> None:
    """One that is old included: which are here is asked elsewhere."""
    assert plan(replace(PLAIN, requires_python=allowed), NOTHING).kind is PlanKind.COMPOSE
