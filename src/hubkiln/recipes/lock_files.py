"""Reads other tools' lock files: their pins become constraints, so that one resolve joins them with the Jupyter stack.

The addresses in a lock are not used (they could be anyone's); its hashes are kept and checked against the files
that the admin's index gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes import poetry_lock
from hubkiln.recipes.addresses import archive_address, git_address, in_folder
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import (
    allow,
    check_registry,
    files_of,
    locked_pin,
    no_place,
    table_of,
    tables,
    text_of,
)
from hubkiln.recipes.pdm_lock import read_pdm
from hubkiln.recipes.pixi import find_manifest
from hubkiln.recipes.pixi_lock import pixis_conda, read_pixi
from hubkiln.recipes.places import may_apply
from hubkiln.recipes.pyproject import (
    Project,
    default_groups,
    group_names,
    passed_over,
    read_dependencies,
    read_group,
    read_uv_wishes,
)
from hubkiln.recipes.requirement_lines import Line, printable
from hubkiln.recipes.requirements import read_lines
from hubkiln.recipes.uv_lock import read_uv

NAMES = ("pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "pixi.lock")
"""Lock files of other tools, in order of preference."""


def find_lock(files: Files, project: Project) -> tuple[str | None, str]:
    """
    The lock that is followed, if any; else, of one that is not, the beginning of a sentence that says why.

    One of pixi's with conda packages is not, where `project` can be installed as repo2docker does, or pixi's manifest
    is beside it.
    """
    path = next((path for name in NAMES if (path := files.find(name)) is not None), None)
    if path is None or not path.endswith("pixi.lock"):
        return path, ""
    if not project.is_package and find_manifest(files, project) is None:
        return path, ""
    if conda := pixis_conda(files, path):
        some = ", ".join(conda[:3]) + ", …" * (len(conda) > 3)
        return None, f"`{path}` is not followed, because it locks conda packages ({some})"
    return path, ""


def read_lock(files: Files, path: str, project: Project, draft: RecipeDraft) -> str | None:
    """
    Add the pins and hashes of the lock at `path`, and what of it is asked for; returns the Pythons it is made for.

    Raises:
        RecipeError: malformed, or with packages that have no place here.
    """
    name = path.rsplit("/", 1)[-1]
    reader: Callable[[Files, str, Project, RecipeDraft], Any] = {
        "pylock.toml": _read_pylock,
        "uv.lock": _read_uv,
        "poetry.lock": _read_poetry,
        "pdm.lock": _read_pdm,
        "pixi.lock": read_pixi,
    }[name]
    return _pythons(reader(files, path, project, draft))


def _pythons(text: Any) -> str | None:
    try:
        return str(SpecifierSet(text)) or None if isinstance(text, str) else None
    except InvalidSpecifier:
        return None  # Poetry's own way to write it


def _read_pylock(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.toml(path, largest=LARGEST_LOCK)
    if not str(content.get("lock-version", "1")).startswith("1"):
        raise RecipeError(
            f"`{path}` is of version {printable(str(content['lock-version']))}, which is not known here.",
            hint="Make it with a tool that writes version 1.0.",
        )
    systems = content.get("environments")
    if isinstance(systems, list) and systems and not any(may_apply(one) for one in systems):
        raise RecipeError(f"`{path}` is made for other systems than Linux.", hint="Make it for Linux too.")
    groups = content.get("default-groups")
    chosen = {str(one) for one in groups} if isinstance(groups, list) else set()
    for package in tables(content, "packages", path):
        name, marker = text_of(package, "name", path), _decided(package.get("marker"), chosen)
        if {"vcs", "directory", "archive"} & package.keys():
            place = _pylock_place(path, name, package)
            read_lines(files, [Line(place + (f" ; {marker}" if marker else ""), path, 0)], draft)
            continue
        if "version" not in package:
            raise no_place(path, name)
        requirement = locked_pin(path, name, text_of(package, "version", path), marker)
        digests = [str(table_of(file.get("hashes")).get("sha256", "")) for file in files_of(package)]
        for address in {package.get("index"), *(file.get("url") for file in files_of(package))} - {None}:
            check_registry(path, name, address, digests)
        draft.require(requirement)
        for digest in digests:
            allow(draft, name, digest)
    return content.get("requires-python")


_CHOICE = re.compile(r"""(["'])(?P<name>[\w.-]+)\1\s+(?P<no>not\s+)?in\s+(?P<what>extras|dependency_groups)""")


def _decided(marker: Any, groups: set[str]) -> str:
    """A marker of a lock, in which no extra is chosen and of the dependency groups `groups` are."""

    def decide(match: re.Match[str]) -> str:
        is_in = match["what"] == "dependency_groups" and match["name"] in groups
        return f"python_version {'<' if is_in is bool(match['no']) else '>='} '2'"

    return _CHOICE.sub(decide, marker) if isinstance(marker, str) else ""


def _pylock_place(path: str, name: str, package: dict[str, Any]) -> str:
    """pip's line for a package that is not an index's."""
    vcs, archive = table_of(package.get("vcs")), table_of(package.get("archive"))
    folder = table_of(package.get("directory")) or archive
    inner = next((str(one["subdirectory"]) for one in (vcs, folder) if "subdirectory" in one), "")
    if vcs.get("type") == "git" and isinstance(url := vcs.get("url"), str):
        return f"{name} @ {git_address(url, text_of(vcs, 'commit-id', path), inner)}"
    digest = table_of(archive.get("hashes")).get("sha256")
    if isinstance(url := archive.get("url"), str) and isinstance(digest, str):
        return f"{name} @ {archive_address(url, digest, inner)}"
    if not isinstance(within := folder.get("path"), str) or "://" in within or within.startswith("/"):
        raise no_place(path, name)
    return f"{'-e ' if folder.get('editable') else ''}./{PurePosixPath(path).parent / within}{in_folder(inner)}"


def _read_uv(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    pythons, project = read_uv(files, path, project, draft)
    _read_roots(files, path, project, draft)
    return pythons


def _read_poetry(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    pythons, project = poetry_lock.read_poetry(files, path, project, draft)
    _read_roots(files, path, project, draft)
    return pythons


def _read_pdm(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    pythons, project = read_pdm(files, path, project, draft)
    _read_roots(files, path, project, draft)
    return pythons


def _read_roots(files: Files, path: str, project: Project, draft: RecipeDraft) -> None:
    """What the project asks for by itself; the lock limits it."""
    if not project.table:
        raise RecipeError(
            f"`{path}` has no pyproject.toml beside it, which says what of it is wanted.", hint="Add pyproject.toml."
        )
    read_project_wishes(files, project, draft)
    for requirement in poetry_lock.wishes(project):
        if canonicalize_name(requirement.name) not in project.placed:
            draft.require(requirement)


def read_project_wishes(files: Files, project: Project, draft: RecipeDraft) -> None:
    """
    Add a project's dependencies and its ``dev`` group, as ``uv sync`` and ``poetry install`` do.

    Raises:
        RecipeError.
    """
    read_dependencies(files, project, draft)
    read_uv_wishes(files, project, draft)
    installed = default_groups(project)
    for name in installed:
        read_group(files, project, name, draft)
    if set(group_names(project)) - set(installed):
        only = f"only {', '.join(f'`{name[:40]}`' for name in installed)} is" if installed else "none is"
        draft.warn(f"`{project.path}`: of its dependency groups {only} installed, with what that includes.")
    warn_of_tools(files, project, draft)


def warn_of_tools(files: Files, project: Project, draft: RecipeDraft, *, but: str = "") -> None:
    """Say so of packages in other tools' own tables, which are not followed; `but` is the tool that is."""
    for path, said in passed_over(files, project):
        if not but or not said.startswith(f"tool.{but}."):
            draft.warn(f"`{path}`: the packages of `{said}` are not installed.")


def read_poetry_wishes(project: Project, draft: RecipeDraft) -> tuple[str | None, str | None]:
    """
    Add what Poetry's own tables ask for without a lock; returns their file, if they do, and the Pythons allowed.

    Raises:
        RecipeError.
    """
    if project.is_package or not poetry_lock.asks(project):
        return None, None
    return project.path, poetry_lock.read_without_lock(project, draft)


def warn_passed_over(project: Project, draft: RecipeDraft) -> None:
    """Say so where a ``pyproject.toml`` asks for packages in a way that, without a lock, is not followed."""
    dynamic, flit = project.project.get("dynamic"), table_of(table_of(project.table.get("tool")).get("flit"))
    if isinstance(dynamic, list) and "dependencies" in dynamic and "build-system" not in project.table:
        why = "they are computed when it is built, and it has no `[build-system]`"
    elif "build-system" in project.table and (project.project.get("dependencies") or group_names(project)):
        why = "it has a `[build-system]`; ask for the packages in `requirements.txt`"
    elif table_of(flit.get("metadata")).get("requires"):
        why = "they stand in `[tool.flit.metadata]`; write them into `[project]`, or into `requirements.txt`"
    else:
        return
    draft.warn(f"The packages that `{project.path}` asks for are not installed: {why}.")
