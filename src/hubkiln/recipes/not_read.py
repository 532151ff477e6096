"""What lies beside the files that a recipe is read from, and looks as if somebody meant it to be read.

repo2docker passes it over without a word; whoever wrote it waits for what never comes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubkiln.recipes.files import Files
from hubkiln.recipes.interface import Kind, Recipe
from hubkiln.recipes.lock_parts import table_of
from hubkiln.recipes.pyproject import read_project
from hubkiln.recipes.requirement_lines import printable

PACKAGES = ("environment.yml", "requirements.txt", "Pipfile", "install.R")
SCRIPTS = ("apt.txt", "postBuild", "start")
NAMES = (*PACKAGES, *SCRIPTS, "runtime.txt", "Dockerfile", "default.nix", "Project.toml")
"""Files that make an environment."""

_BESIDE = {
    Kind.DOCKERFILE: (*PACKAGES, *SCRIPTS, "runtime.txt"),
    Kind.NIX: (*PACKAGES, "apt.txt", "runtime.txt"),
    Kind.JULIA: ("environment.yml", "Pipfile", "install.R"),
}
"""By kind, what repo2docker does not read beside its own file."""


def not_read(files: Files, recipe: Recipe) -> tuple[str, ...]:
    """Sentences about files that look as if they counted for `recipe`, and do not."""
    return (
        *_beside(files, recipe),
        *_outside(files),
        *_misspelt(files),
        *_dangling(files),
        *_unknown(files, recipe),
        *_own_lists(files, recipe),
        *_members(files, recipe),
        *_streamlits(files, recipe),
    )


_FOLDERS = ("requirements", "conda", "env", "envs", "environment", "install", "setup", "code", "src", "notebooks")
"""Where people keep their lists."""

_MEANT = {
    "environment.yml": (
        "env.yml",
        "env.yaml",
        "conda.yml",
        "conda.yaml",
        "conda-lock.yml",
        "environment.yml.txt",
        "anaconda-project.yml",
        "environment-dev.yml",
        *(f"{folder}/environment.yml" for folder in _FOLDERS),
    ),
    "requirements.txt": (
        "requirements.in",
        "requirements.txt.txt",
        "requirements.lock",
        "reqs.txt",
        "requirements-dev.txt",
        *(f"{folder}/requirements.txt" for folder in _FOLDERS),
        *(f"requirements/{name}.txt" for name in ("base", "common", "default", "dev", "main", "prod", "requirements")),
    ),
    "apt.txt": ("Aptfile", "aptfile", "apt-packages.txt"),
    "postBuild": ("postBuild.sh", "post_build", "postBuild.txt"),
    "pylock.toml": ("pylock.dev.toml",),
    "Dockerfile": ("Containerfile", "docker/Dockerfile", ".devcontainer/Dockerfile"),
    "default.nix": ("flake.nix", "shell.nix"),
    "Project.toml": ("Manifest.toml",),
    "runtime.txt": (".python-version", ".tool-versions", "renv.lock"),
}
"""What is read, and by what other names people and tools call it."""


_ALSO = (*SCRIPTS, "Dockerfile", "runtime.txt")
"""What packages listed elsewhere do not make up for."""


def _beside(files: Files, recipe: Recipe) -> list[str]:
    found = [path for name in _BESIDE.get(recipe.kind, ()) if (path := files.find(name)) is not None]
    by = next((path for path in files.read if path.rpartition("/")[2] in NAMES), "")
    return [f"{_listed(found)} not read, because there is `{by}`."] if found and by else []


def _outside(files: Files) -> list[str]:
    if not files.folder:
        return []
    found = [name for name in NAMES if files.exists(name) and name not in files.read]
    return [f"{_listed(found)} not read, because there is a folder `{files.folder}`."] if found else []


def _misspelt(files: Files) -> list[str]:
    below = f"{files.folder}/" if files.folder else ""
    found = []
    for name in NAMES:
        wrong = {name.lower(), name.capitalize(), name.upper(), name.replace("requirements", "requirement")} - {name}
        paths = (
            [] if files.exists(below + name) else [below + one for one in sorted(wrong) if files.is_file(below + one)]
        )
        found += [f"`{path}` is not read: the name is `{name}`." for path in paths[:1]]
    return found


def _dangling(files: Files) -> list[str]:
    below = f"{files.folder}/" if files.folder else ""
    found = [below + name for name in (*NAMES, "pyproject.toml", "setup.py") if files.leads_nowhere(below + name)]
    return [f"`{path}` is a link to what is not in the repository: it counts for nothing." for path in found]


def _unknown(files: Files, recipe: Recipe) -> list[str]:
    """Other tools' files, where nothing of what they could mean is there; and a folder that is nearly ``binder``."""
    below = f"{files.folder}/" if files.folder else ""
    found = []
    if recipe.kind in (Kind.DEFAULT, Kind.PYTHON, Kind.CONDA):
        packages = _has_packages(recipe)
        for name, others in _MEANT.items():
            if files.exists(below + name) or (packages and name not in _ALSO):
                continue
            if name == "runtime.txt" and (recipe.python or recipe.kind is Kind.CONDA):
                continue
            there = [below + other for other in others if files.is_file(below + other)]
            found += [f"`{path}` is not read: what counts is `{name}`." for path in there]
        if not packages and not below and files.is_file("setup.cfg") and _DISTRIBUTION.search(files.text("setup.cfg")):
            found.append(
                "`setup.cfg` is not read: it counts beside a `setup.py`, or a `pyproject.toml` with `[project]` and "
                "`[build-system]`."
            )
        if recipe.conda and files.is_file(f"{below}conda-lock.yml"):
            found.append(f"`{below}conda-lock.yml` is not read: versions come from `{recipe.conda_file}`.")
    if not files.folder:
        wrong = [name for name in ("Binder", "BINDER", ".Binder", "binders") if files.is_folder(name)]
        found += [f"The folder `{name}` does not count: it is called `binder`." for name in wrong]
    return found


def _own_lists(files: Files, recipe: Recipe) -> list[str]:
    """Scripts that say what they need, where nothing else does; beside a recipe they are run on their own."""
    if recipe.kind not in (Kind.DEFAULT, Kind.PYTHON) or _has_packages(recipe) or not (found := files.scripts()):
        return []
    some = ", ".join(f"`{path}`" for path in found[:3]) + ", …" * (len(found) > 3)
    return [
        f"The packages that scripts list themselves (`# /// script` in {some}) are not installed: what counts is "
        "`requirements.txt`."
    ]


def _members(files: Files, recipe: Recipe) -> list[str]:
    """uv's workspace, where nothing of the repository is installed: neither a lock nor a project asks for a member."""
    if recipe.kind not in (Kind.DEFAULT, Kind.PYTHON) or recipe.local:
        return []
    workspace = table_of(table_of(table_of(read_project(files).table.get("tool")).get("uv")).get("workspace"))
    members = workspace.get("members")
    patterns = [one for one in members if isinstance(one, str)] if isinstance(members, list) else []
    some = ", ".join(f"`{printable(one)}`" for one in patterns[:3]) + ", …" * (len(patterns) > 3)
    said = (
        f"`pyproject.toml`: the members of its workspace ({some}) are not installed: choose the folder of one, or name "
        "them in `requirements.txt`, like `-e ./packages/one`."
    )
    return [said] if patterns else []


def _streamlits(files: Files, recipe: Recipe) -> list[str]:
    """Streamlit's host takes Debian packages from a file of another name."""
    uses = any(re.match(r"streamlit\b(?!-)", one) for one in recipe.requirements)
    there = uses and not recipe.apt and files.is_file("packages.txt")
    return ["`packages.txt` is not read: what counts is `apt.txt`."] if there else []


def _has_packages(recipe: Recipe) -> bool:
    return bool(recipe.requirements or recipe.conda or recipe.local or recipe.direct)


_DISTRIBUTION = re.compile(r"^\[(?:metadata|options)\]", re.MULTILINE)


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names]
    if len(shown) == 1:
        return f"{shown[0]} is"
    return f"{', '.join(shown[:-1])} and {shown[-1]} are"
