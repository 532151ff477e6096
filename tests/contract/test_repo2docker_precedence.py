"""Our reader and the real repo2docker take the same repository for the same kind, over a table of checkouts.

Every pair and triple of files that decide anything is written to disk and shown to both.
"""

from __future__ import annotations

import logging
from itertools import combinations
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import Kind, Recipe, choose_python, read
from repo2docker_detection import theirs

app = pytest.importorskip("repo2docker.app", reason="repo2docker is not installed")

SUPPORTED = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PROJECT = '[project]\nname = "x"\nversion = "1"\n'
BUILD = '[build-system]\nrequires = ["setuptools"]\n'
PIECES = [
    ("Dockerfile", "FROM debian\n"),
    ("Dockerfile", "FROM andrewosh/binder-base\n"),
    ("Project.toml", 'name = "x"\n'),
    ("JuliaProject.toml", 'name = "x"\n'),
    ("REQUIRE", "julia\n"),
    ("default.nix", "{}\n"),
    ("DESCRIPTION", "Package: x\n"),
    ("install.R", "1\n"),
    ("environment.yml", "dependencies:\n- python=3.12\n- numpy\n"),
    ("environment.yaml", "dependencies: []\n"),
    ("Pipfile", '[packages]\n[requires]\npython_version = "3.9"\n'),
    ("Pipfile.lock", '{"_meta": {}, "default": {}, "develop": {}}'),
    ("requirements.txt", "numpy\n"),
    ("setup.py", "raise SystemExit\n"),
    ("pyproject.toml", PROJECT),
    ("pyproject.toml", PROJECT + BUILD),
    ("pyproject.toml", BUILD),
    ("pyproject.toml", PROJECT + 'requires-python = ">=3.12"\n'),
    ("pyproject.toml", PROJECT + 'requires-python = ">=3.8,<3.10"\n' + BUILD),
    *(
        ("runtime.txt", text)
        for text in (
            "python-3.11",
            "python-3",
            "python-3.9-2024-01-01",
            "r-4.4-2024-10-01",
            "r-2024-10-01",
            "r-4.4",
            "julia-1.9",
            "nonsense",
            "python-3.11-2024-13-77",
            "",
            "python-",
            "a-b-c",
        )
    ),
    ("apt.txt", "git\n"),
    ("postBuild", "#!/bin/sh\n"),
]


def ours(root: Path) -> tuple[Kind | None, str | None]:
    """The same from our reader."""
    try:
        recipe: Recipe = read(root)
    except RecipeError:
        return None, None
    if recipe.kind in (Kind.DOCKERFILE, Kind.JULIA, Kind.NIX, Kind.R):
        return recipe.kind, None
    return recipe.kind, choose_python(recipe, SUPPORTED, "3.10")


def checkouts(most: int) -> list[dict[str, str]]:
    """Every set of at most `most` pieces, no file twice."""
    return [
        dict(chosen)
        for count in range(most + 1)
        for chosen in combinations(PIECES, count)
        if len({name for name, _ in chosen}) == count
    ]


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def compare(tmp_path: Path, tables: list[dict[str, str]]) -> None:
    logging.getLogger("repo2docker").setLevel(logging.CRITICAL)
    different = []
    for number, files in enumerate(tables):
        root = tmp_path / str(number)
        root.mkdir()
        if (expected := theirs(write(root, files))) != (found := ours(root)):
            different.append(f"{files}: repo2docker {expected}, hubkiln {found}")
    assert not different, f"{len(different)} of {len(tables)} differ:\n" + "\n".join(different[:20])


@pytest.mark.slow
def test_files_at_the_root(tmp_path: Path) -> None:
    """At the root, every pair of files is taken alike."""
    compare(tmp_path, checkouts(2))


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["binder", ".binder"])
def test_files_in_a_binder_folder(tmp_path: Path, folder: str) -> None:
    """In `binder/` or `.binder/`, every pair of files is taken alike, and `setup.py` there counts for nothing."""
    tables = [{f"{folder}/{name}": text for name, text in files.items()} for files in checkouts(2) if files]
    compare(tmp_path, [table for table in tables if f"{folder}/pyproject.toml" not in table])


def test_files_beside_a_binder_folder_do_not_count(tmp_path: Path) -> None:
    """With a binder folder, what lies at the root is passed over by both, but for the first Binder's Dockerfiles."""
    compare(tmp_path, [files | {"binder/README": ""} for files in checkouts(1)])


@pytest.mark.slow
def test_three_files_at_the_root(tmp_path: Path) -> None:
    """Triples of the files that most often meet are taken alike."""
    often = {
        "environment.yml",
        "requirements.txt",
        "setup.py",
        "runtime.txt",
        "Pipfile",
        "DESCRIPTION",
        "pyproject.toml",
    }
    compare(tmp_path, [files for files in checkouts(3) if len(files) == 3 and set(files) <= often])


def test_both_folders_are_refused_by_both(tmp_path: Path) -> None:
    """`binder` and `.binder` exclude one another."""
    compare(tmp_path, [{"binder/a": "", ".binder/a": "", "requirements.txt": ""}])
