"""Node.js for scripts that call it: the same package in the sandbox and in images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.recipes import Recipe
from hubkiln.recipes.reader import read
from hubkiln.recipes.scripts import NODE

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "script",
    [
        "npm install -g tool",
        "cd x && npx tsc",
        "X=$(node -v)",
        "jlpm build",
        "jupyter lab build --dev-build=False",
        "jupyter labextension install @jupyter-widgets/jupyterlab-manager",
    ],
)
@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_a_script_that_calls_it_gets_it(write: Write, name: str, script: str) -> None:
    """And the log says so."""
    recipe = read(write({name: f"#!/bin/bash\n{script}\nexec true\n", "requirements.txt": "six\n"}))
    assert recipe.requirements == ("six", NODE)
    assert any("Node.js" in sentence for sentence in recipe.warnings)


@pytest.mark.parametrize(
    "script", ["pip install six", "# npm install", "jupyter labextension list", "echo nodes", "python npm.py"]
)
def test_others_do_not(write: Write, script: str) -> None:
    """A comment, or a word that only looks like it, calls nothing."""
    assert read(write({"postBuild": f"#!/bin/bash\n{script}\n"})).requirements == ()


@pytest.mark.parametrize(
    "files",
    [
        {"apt.txt": "nodejs\nnpm\n"},
        {"requirements.txt": "nodejs-bin\n"},
        {"environment.yml": "dependencies: [python=3.12, 'conda-forge::nodejs>=20']\n"},
    ],
)
def test_what_a_repository_asks_for_itself_is_kept(write: Write, files: dict[str, str]) -> None:
    """No second Node.js comes beside its own."""
    recipe: Recipe = read(write({"postBuild": "#!/bin/bash\nnpm ci\n", **files}))
    assert NODE not in recipe.requirements


def test_beside_an_old_python_the_server_has_it(write: Write) -> None:
    """A kernel's Python may be older than the package."""
    recipe = read(write({"postBuild": "#!/bin/bash\nnpm ci\n", "runtime.txt": "python-3.6\n"}))
    assert (recipe.server, recipe.requirements) == ((NODE,), ())
