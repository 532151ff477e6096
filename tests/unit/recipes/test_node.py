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


PAGE = {"pyproject.toml": '[build-system]\nrequires = ["hatchling", "hatch-jupyter-builder"]\n'}


@pytest.mark.parametrize("line", ["pip install .", "X=1 pip install -e '.[test]'", "python setup.py develop"])
@pytest.mark.parametrize("files", [PAGE, {"setup.py": "from jupyter_packaging import wrap_installers\n"}])
def test_a_script_that_installs_a_repository_with_a_page_gets_it(
    write: Write, files: dict[str, str], line: str
) -> None:
    """A lab extension is built with Node.js when the repository itself is installed, as in repo2docker's images."""
    recipe = read(write({"binder/postBuild": f"#!/bin/bash\nset -e\n{line}\n"} | files))
    assert recipe.requirements == (NODE,)
    assert any("which is built with Node.js" in sentence for sentence in recipe.warnings)


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("pip install six", PAGE),
        ("pip install -r more.txt", PAGE),
        ("pip install .", {"pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n'}),
    ],
)
def test_other_scripts_beside_a_package_do_not(write: Write, line: str, files: dict[str, str]) -> None:
    """Nothing of the repository is built, or Python builds it alone."""
    assert read(write({"binder/postBuild": f"#!/bin/bash\n{line}\n"} | files)).requirements == ()


def test_beside_an_old_python_the_server_has_it(write: Write) -> None:
    """A kernel's Python may be older than the package."""
    recipe = read(write({"postBuild": "#!/bin/bash\nnpm ci\n", "runtime.txt": "python-3.6\n"}))
    assert (recipe.server, recipe.requirements) == ((NODE,), ())
