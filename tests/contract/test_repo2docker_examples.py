"""Our example repositories, shown to the real repo2docker: both take each for the same kind, or both refuse it."""

from __future__ import annotations

import pytest

from example_folders import EXAMPLES, Example, examples
from hubkiln.errors import RecipeError
from hubkiln.recipes import Need, plan, read
from repo2docker_detection import theirs

pytest.importorskip("repo2docker.app", reason="repo2docker is not installed")

EVERYTHING = frozenset(Need)


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_it_is_what_repo2docker_takes_it_for(example: Example) -> None:
    """The kind in the table, theirs and ours are one; the plan takes the path in the table."""
    kind, _ = theirs(example.folder)
    if example.refused:
        assert kind is None
        with pytest.raises(RecipeError, match=example.refused):
            read(example.folder)
        return
    recipe = read(example.folder)
    assert (str(kind), str(recipe.kind)) == (example.kind, example.kind)
    assert plan(recipe, EVERYTHING).kind == example.path


def test_every_folder_is_in_the_table() -> None:
    """No example is forgotten, none is named that is not there; every `verify` can be run."""
    there = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*") if path.is_dir()}
    assert {one.name for one in examples()} == there
    assert all(path.stat().st_mode & 0o100 for path in EXAMPLES.glob("*/*/verify"))
