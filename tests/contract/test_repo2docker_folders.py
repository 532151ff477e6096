"""repo2docker's own example folders: what each asks for, read from a checkout where one is given; the docs' table."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hubkiln.recipes import Need, plan, read

ROOT = Path(__file__).parents[2]
FOLDERS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/repo2docker_folders.toml").read_text())
GIVEN = os.environ.get("HUBKILN_REPO2DOCKER_TESTS", "")
given = pytest.mark.skipif(not GIVEN, reason="HUBKILN_REPO2DOCKER_TESTS names no checkout of repo2docker's tests")


def test_the_docs_have_the_same_table() -> None:
    """Each folder with what comes of it and why; the sums are right."""
    text = (ROOT / "docs/reference/repo2docker-examples.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    assert rows == [
        [f"`{name}`", row["kind"], row["path"], row.get("python", ""), row["outcome"], row["why"]]
        for name, row in FOLDERS.items()
    ]
    for outcome, words in {
        "passes": "pass as they are",
        "differs": "differ by design",
        "elsewhere": "need what",
    }.items():
        count = sum(row["outcome"] == outcome for row in FOLDERS.values())
        assert f"{count} {words}" in " ".join(text.split())


def test_whatever_does_not_pass_has_a_reason() -> None:
    """So nothing fails unexplained."""
    assert all(row["why"] for row in FOLDERS.values() if row["outcome"] != "passes")
    assert len(FOLDERS) == 50


def test_the_recipes_page_names_no_folder_that_is_not_there() -> None:
    """Neither of repo2docker's nor of ours."""
    page = (ROOT / "docs/reference/recipes.md").read_text().partition("## repo2docker's examples")[2]
    rows = [
        line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `") or line.startswith("| –")
    ]
    assert rows
    examples = ROOT / "tests/examples"
    for theirs, ours, _ in (row[:3] for row in rows if len(row) >= 3):
        for name in re.findall(r"`([\w./*-]+)`", theirs):
            pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
            assert any(pattern.fullmatch(folder) for folder in FOLDERS), name
        for name in re.findall(r"`([\w./*-]+)`", ours):
            assert list(examples.glob(name)) or (ROOT / name).is_dir(), name


@given
def test_no_folder_is_forgotten() -> None:
    """All of the checkout's are in the list, and the list has no others."""
    there = {path.parent.relative_to(GIVEN).as_posix() for path in Path(GIVEN).rglob("verify")}
    assert there == set(FOLDERS)


@given
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_read_and_planned_as_the_list_says(name: str) -> None:
    """Kind, path and Python; nothing is refused."""
    recipe, row = read(Path(GIVEN) / name), FOLDERS[name]
    made = plan(recipe, frozenset(Need))
    assert (recipe.kind.value, made.kind.value, recipe.python or "") == (
        row["kind"],
        row["path"],
        row.get("python", ""),
    )
