"""Files that look as if they counted are named, with what stands in their way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.recipes import plan, read

Write = Callable[..., Path]
WORKSPACE = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n'}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"Dockerfile": "FROM x\n", "environment.yml": "", "postBuild": ""},
            "`environment.yml` and `postBuild` are not read, because there is `Dockerfile`.",
        ),
        (
            {"binder/Dockerfile": "FROM x\n", "binder/apt.txt": ""},
            "`binder/apt.txt` is not read, because there is `binder/Dockerfile`.",
        ),
        (
            {"default.nix": "", "requirements.txt": "six"},
            "`requirements.txt` is not read, because there is `default.nix`.",
        ),
        (
            {"Project.toml": "", "environment.yml": ""},
            "`environment.yml` is not read, because there is `Project.toml`.",
        ),
        (
            {"binder/requirements.txt": "six", "apt.txt": "cowsay", "start": ""},
            "`apt.txt` and `start` are not read, because there is a folder `binder`.",
        ),
        (
            {"requirements.txt": "streamlit>=1\n", "packages.txt": "libgdal-dev\n"},
            "`packages.txt` is not read: what counts is `apt.txt`.",
        ),
        (
            WORKSPACE,
            "`pyproject.toml`: the members of its workspace (`packages/*`) are not installed: choose the folder of "
            "one, or name them in `requirements.txt`, like `-e ./packages/one`.",
        ),
        ({"dockerfile": "FROM x\n"}, "`dockerfile` is not read: the name is `Dockerfile`."),
        (
            {"binder/postbuild": "", "binder/start": ""},
            "`binder/postbuild` is not read: the name is `postBuild`.",
        ),
        ({"requirement.txt": "six"}, "`requirement.txt` is not read: the name is `requirements.txt`."),
    ],
)
def test_what_is_passed_over_is_said(write: Write, files: dict[str, str], said: str) -> None:
    """Beside a file that takes all, outside the folder that counts, under a name that nobody knows."""
    assert said in read(write(files)).warnings


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "six", "apt.txt": "cowsay", "postBuild": "#!/bin/sh\n", "start": '#!/bin/sh\nexec "$@"\n'},
        {"Dockerfile": "FROM x\n", "setup.py": "", "README.md": ""},
        {"binder/requirements.txt": "-r ../requirements.txt\n", "requirements.txt": "six"},
        {"Project.toml": "", "requirements.txt": "six", "apt.txt": "cowsay"},
    ],
)
def test_what_counts_is_not_complained_about(write: Write, files: dict[str, str]) -> None:
    """Nor what is read by way of another file."""
    assert not [sentence for sentence in read(write(files)).warnings if "not read" in sentence]


def test_recipes_in_folders_are_found_where_the_root_has_none(write: Write) -> None:
    """Two levels deep, the outer of two; nothing hidden, nothing behind a link; said with why nothing is installed."""
    root = write(
        {
            "README.md": "",
            "lessons/1/requirements.txt": "six",
            "lessons/2/environment.yml": "",
            "gpu/Dockerfile": "FROM x",
            "gpu/inner/requirements.txt": "six",
            "a/b/c/requirements.txt": "six",
            ".git/apt.txt": "",
            "odd\n`name`/apt.txt": "",
        }
    )
    (root / "link").symlink_to(root / "gpu")
    recipe = read(root)
    assert recipe.elsewhere == ("gpu", "lessons/1", "lessons/2")
    assert plan(recipe, frozenset()).why[1].startswith("Recipes are in its folders `gpu`, `lessons/1`")
    (root / "requirements.txt").write_text("six")
    assert read(root).elsewhere == ()


@pytest.mark.parametrize("name", ["requirements.txt", "binder/postBuild"])
def test_a_link_to_nowhere_is_named(write: Write, name: str) -> None:
    """Such as one into a submodule that is gone: nothing is installed by it, and the plan says why."""
    root = write({"README.md": "", "binder/README.md": ""} if "/" in name else {"README.md": ""})
    (root / name).symlink_to("gone/away.txt")
    assert f"`{name}` is a link to what is not in the repository: it counts for nothing." in read(root).warnings


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "streamlit\n", "apt.txt": "libgdal-dev\n", "packages.txt": ""},
        {"requirements.txt": "streamlit-folium\n", "packages.txt": ""},
        {"requirements.txt": "-e ./packages/one\n", "packages/one/setup.py": "", **WORKSPACE},
        {"environment.yml": "", **WORKSPACE},
        {"pyproject.toml": "[tool.uv.workspace]\nmembers = 5\n"},
    ],
)
def test_what_counts_is_not_spoken_of(write: Write, files: dict[str, str]) -> None:
    """Streamlit's list beside ours, or of others; a workspace whose member is installed, or that is not read."""
    assert not any("packages.txt" in one or "workspace" in one for one in read(write(files)).warnings)
