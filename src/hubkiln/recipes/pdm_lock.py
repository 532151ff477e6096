"""Reads `pdm.lock`: its pins, and the packages that it takes from a folder, a file or a git repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from hubkiln.recipes.addresses import extras_of, git_address, in_folder
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import allow, check_registry, dicts, locked_pin, no_place, table_of, tables, text_of
from hubkiln.recipes.pyproject import Project
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines

_INSTALLED = {"default", "dev"}
"""Groups of packages; what others need is left alone."""


def read_pdm(files: Files, path: str, project: Project, draft: RecipeDraft) -> tuple[Any, Project]:
    """
    Add pins, hashes and what comes from elsewhere; returns the Pythons, and the project with what the lock decides.

    Raises:
        RecipeError.
    """
    content = files.toml(path, largest=LARGEST_LOCK)
    metadata, indexes = table_of(content.get("metadata")), _other_indexes(project)
    listed = table_of(metadata.get("files"))  # where locks of before 2023 have them
    placed, names = set(), set()
    for package in tables(content, "package", path):
        name = text_of(package, "name", path)
        names.add(canonicalize_name(name))
        marker = package.get("marker") if isinstance(package.get("marker"), str) else ""
        if {"git", "path", "url"} & package.keys():
            placed.add(canonicalize_name(name))
            groups = package.get("groups")
            if not isinstance(groups, list) or _INSTALLED & set(map(str, groups)):
                line = _place(path, name, package) + (f" ; {marker}" if marker else "")
                read_lines(files, [Line(line, path, 0)], draft)
            continue
        if not package.get("extras"):  # the same package stands there without them too
            version = text_of(package, "version", path)
            found = dicts(package.get("files")) or dicts(listed.get(f"{name} {version}"))
            digests = [str(file.get("hash", "")) for file in found]
            for address in {file.get("url") for file in found} - {None} | indexes:
                check_registry(path, name, address, digests)
            draft.constrain(locked_pin(path, name, version, marker))
            for digest in digests:
                allow(draft, name, digest.removeprefix("sha256:"))
    return metadata.get("requires_python"), replace(project, locked=frozenset(names), placed=frozenset(placed))


def _other_indexes(project: Project) -> set[Any]:
    """Addresses that the project names for its packages: its lock does not say which of them a package is from."""
    pdm = table_of(table_of(project.table.get("tool")).get("pdm"))
    return {one.get("url") for one in dicts(pdm.get("source"))} - {None}


def _place(path: str, name: str, package: dict[str, Any]) -> str:
    """pip's line for a package that is not an index's."""
    text = {key: value for key, value in package.items() if isinstance(value, str)}
    name += extras_of(package.get("extras"))
    inner = text.get("subdirectory", "")
    if "git" in text:
        return f"{name} @ {git_address(text['git'], text.get('revision') or text.get('ref', ''), inner)}"
    if "url" in text:
        return f"{name} @ {text['url']}{in_folder(inner)}"
    if "path" not in text or "://" in text["path"] or text["path"].startswith("/"):
        raise no_place(path, name)
    extras = extras_of(package.get("extras"))
    place = f"{PurePosixPath(path).parent / text['path']}{in_folder(inner)}"
    return f"{'-e ' if package.get('editable') else ''}./{place}{extras}"
