"""A package whose environment is pixi's gets both, as pixi makes them; repo2docker's part alone where it must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import Kind, Need, plan, read, within
from hubkiln.recipes.interface import Recipe

Write = Callable[..., Path]
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PROJECT = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["toolz"]\n' + BUILD
WORKSPACE = '[tool.pixi.workspace]\nchannels = ["conda-forge"]\nplatforms = ["linux-64"]\n'
SELF = '[tool.pixi.pypi-dependencies]\nmine = { path = ".", editable = true }\n'
PIXI_LOCK = """\
version: 6
environments:
  default:
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/gdal-3.9.0-py312_0.conda
"""


def project(write: Write, text: str, **others: str) -> Recipe:
    return read(write({"pyproject.toml": PROJECT + WORKSPACE + text, **others}))


def test_the_package_is_installed_into_pixis_environment(write: Write) -> None:
    """Editable where the manifest says so, once, with what the project asks for; pixi's packages around it."""
    recipe = project(write, SELF + 'six = "*"\n[tool.pixi.dependencies]\npython = "3.12.*"\ngdal = ">=3"\n')
    assert (recipe.conda, recipe.local, recipe.requirements) == (("gdal >=3",), ("-e .",), ("toolz", "six"))
    assert (recipe.python, recipe.kind, recipe.beyond) == ("3.12", Kind.PYTHON, "pyproject.toml")
    assert recipe.warnings == ("`-e .` is installed as a copy: later changes to its files do not count.",)
    assert plan(recipe, frozenset(Need)).why == (
        "`pyproject.toml` (gdal >=3) needs conda packages",
        "Installing the repository itself (`pip install -e .`) needs run steps",
    )


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT, "pixi.toml": '[dependencies]\ngdal = "*"\n'},
        {"setup.py": "", "pixi.toml": '[dependencies]\ngdal = "*"\n'},
        {"pyproject.toml": f'{PROJECT}{WORKSPACE}[tool.pixi.dependencies]\ngdal = "*"\n'},
    ],
)
def test_it_is_installed_even_where_the_manifest_does_not_name_it(write: Write, files: dict[str, str]) -> None:
    """As repo2docker installs it, whatever file says what stands around it."""
    recipe = read(write(files))
    assert (recipe.conda, recipe.local) == (("gdal",), (".",))
    assert recipe.requirements == (("toolz",) if "pyproject.toml" in files else ())
    assert recipe.requires_python == (">=3.11" if "pyproject.toml" in files else None)
    assert recipe.warnings == ()


def test_a_lock_of_conda_packages_gives_way_to_the_manifest(write: Write) -> None:
    """And that is said, with where versions come from."""
    recipe = project(write, '[tool.pixi.dependencies]\ngdal = "*"\n', **{"pixi.lock": PIXI_LOCK})
    assert (recipe.conda, recipe.local) == (("gdal",), (".",))
    said = "it locks conda packages (gdal): versions are those that `pyproject.toml` allows."
    assert recipe.warnings == (f"`pixi.lock` is not followed, because {said}",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[tool.pixi.target.linux]\ndependencies = ["x"]\n', "`dependencies` should be a table"),
        ('[tool.pixi.dependencies]\nmine = { path = "." }\n', "`path` of the conda package `mine` cannot be followed"),
    ],
)
def test_what_cannot_be_followed_leaves_the_package(write: Write, text: str, why: str) -> None:
    """repo2docker installs that; why there is no more is said, and what becomes of the lock."""
    recipe = project(write, f'{text}[tool.pixi.dependencies.gdal]\nversion = "*"\n', **{"pixi.lock": PIXI_LOCK})
    assert (recipe.conda, recipe.local, recipe.requirements, recipe.beyond) == ((), (".",), ("toolz",), None)
    said = "\n".join(recipe.warnings)
    assert "The repository is installed without what pixi adds to it: `pyproject.toml`" in said
    assert why in said
    assert "locks conda packages (gdal): the repository is installed as by `pip install .`." in said


def test_a_package_for_other_systems_is_installed_here(write: Write) -> None:
    """pixi would not; pip does."""
    text = PROJECT + '[tool.pixi.workspace]\nplatforms = ["osx-arm64"]\n[tool.pixi.dependencies]\ngdal = "*"\n'
    recipe = read(write({"pyproject.toml": text}))
    assert (recipe.conda, recipe.local) == ((), (".",))
    assert "it is made for other systems than linux-64." in recipe.warnings[0]


@pytest.mark.parametrize(
    "text", ['[tool.pixi.feature.docs.dependencies]\nsphinx = "*"\n', '[tool.pixi.tasks]\na = "b"\n']
)
def test_a_default_that_adds_nothing_changes_nothing(write: Write, text: str) -> None:
    """Its way is repo2docker's, which may build it; other environments' packages are named."""
    recipe = project(write, text)
    assert (recipe.conda, recipe.local, recipe.beyond) == ((), (".",), None)
    assert [one for one in recipe.warnings if "tool.pixi.feature" not in one] == []


def test_an_empty_file_beside_the_package_is_said(write: Write) -> None:
    """Whoever wrote it learns why nothing came of it."""
    recipe = read(write({"setup.py": "", "pixi.toml": "[workspace]\n"}))
    assert (recipe.local, recipe.beyond) == ((".",), None)
    assert recipe.warnings == ("`pixi.toml` asks for no packages in its default environment.",)


def test_a_projects_own_mistake_is_not_pixis(write: Write) -> None:
    """It is refused as without pixi."""
    text = PROJECT.replace("toolz", "toolz >") + f'{WORKSPACE}[tool.pixi.dependencies]\ngdal = "*"\n'
    with pytest.raises(RecipeError, match="`toolz >` is not a requirement"):
        read(write({"pyproject.toml": text}))


@pytest.mark.parametrize(
    ("others", "by"),
    [
        ({"environment.yml": "dependencies: [zlib]\n"}, "environment.yml"),
        ({"requirements.txt": "six\n"}, "requirements.txt"),
        ({"pylock.toml": 'lock-version = "1.0"\n'}, "pylock.toml"),
    ],
)
def test_other_recipes_go_before_both(write: Write, others: dict[str, str], by: str) -> None:
    """As they go before each alone."""
    recipe = read(write({"setup.py": "", "pixi.toml": '[dependencies]\ngdal = "*"\n', **others}))
    assert "gdal" not in recipe.conda
    assert f"`pixi.toml` is ignored because there is `{by}`." in recipe.warnings


def test_other_tools_packages_are_still_named(write: Write) -> None:
    """pixi's are there; hatch's are not."""
    text = '[tool.pixi.dependencies]\ngdal = "*"\n[tool.hatch.envs.test]\ndependencies = ["pytest"]\n'
    recipe = project(write, text)
    assert recipe.warnings == ("`pyproject.toml`: the packages of `tool.hatch.envs.test` are not installed.",)


@pytest.mark.parametrize("manifest", ["pyproject.toml", "pixi.toml"])
def test_where_conda_packages_cannot_be_installed_it_is_installed_alone(write: Write, manifest: str) -> None:
    """As repo2docker does, and said; where they can be, and of what is no package, nothing is left out."""
    conda = '[dependencies]\ngdal = "*"\n'
    inside = manifest == "pyproject.toml"
    text = SELF + conda.replace("[", "[tool.pixi.") if inside else ""
    recipe = project(write, text, **({} if inside else {manifest: conda}))
    without = frozenset(Need) - {Need.CONDA}
    alone = within(recipe, without)
    assert (alone.conda, alone.local, alone.requirements, alone.beyond) == ((), (".",), ("toolz",), None)
    assert alone.warnings[0] == f"The conda packages of `{manifest}` cannot be installed here: they are left out."
    assert plan(alone, without).why == ("Installing the repository itself (`pip install .`) needs run steps",)
    assert within(recipe, frozenset(Need)) is recipe
    lone = read(write({"pixi.toml": conda, "pyproject.toml": ""}))
    assert within(lone, without) is lone
