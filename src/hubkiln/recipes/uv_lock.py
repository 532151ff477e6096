"""Reads `uv.lock`: its pins, and the packages that it takes from a folder, a file or a git repository.

What the project asks for reaches some of its packages; those of the repository and of git that nothing reaches
(other members of a workspace, other groups) are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes.addresses import archive_address, extras_of, in_folder, locked_git
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import (
    allow,
    check_registry,
    dicts,
    files_of,
    locked_pin,
    malformed,
    no_place,
    table_of,
    tables,
    text_of,
    wish,
)
from hubkiln.recipes.pyproject import Project, default_groups
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines


@dataclass(slots=True)
class _Reached:
    """What the packages on the way to one ask of it."""

    extras: set[str] = field(default_factory=set)
    markers: list[str] = field(default_factory=list)
    always: bool = False
    """Whether something asks for it under no marker."""

    @property
    def marker(self) -> str:
        """`` ; a or b``, or nothing."""
        whole = " or ".join(f"({one})" for one in dict.fromkeys(self.markers))
        return f" ; {whole}" if whole and not self.always else ""


def read_uv(files: Files, path: str, project: Project, draft: RecipeDraft) -> tuple[Any, Project]:
    """
    Add pins, hashes and what comes from elsewhere; returns the Pythons, and the project with what the lock decides.

    Raises:
        RecipeError.
    """
    content = files.toml(path, largest=LARGEST_LOCK)
    if content.get("version", 1) != 1:
        raise RecipeError(f"`{path}` is of a version that is not known here.", hint="Lock with an older uv.")
    packages = tables(content, "package", path)
    if any(not isinstance(package.get("source", {}), dict) for package in packages):
        raise malformed(path)
    names: list[str] = [canonicalize_name(text_of(package, "name", path)) for package in packages]
    reached = _reach(packages, names, content, project)
    placed: set[str] = set()
    for name, package in zip(names, packages, strict=True):
        if "registry" in package.get("source", {}):
            _take_pin(path, package, draft)
        else:
            placed.add(name)
            if not _is_root(package) and (reached is None or name in reached):
                _place(files, path, package, reached[name] if reached else _Reached(), draft)
    return content.get("requires-python"), replace(project, locked=frozenset(names), placed=frozenset(placed))


def _is_root(package: dict[str, Any]) -> bool:
    source = package.get("source", {})
    return "." in (source.get("virtual"), source.get("editable"), source.get("directory"))


def _take_pin(path: str, package: dict[str, Any], draft: RecipeDraft) -> None:
    name = text_of(package, "name", path)
    if "version" not in package:
        raise no_place(path, name)
    digests = [str(file.get("hash", "")) for file in files_of(package)]
    marks = package.get("resolution-markers", [])
    marker = " or ".join(f"({mark})" for mark in marks) if isinstance(marks, list) else ""
    draft.constrain(locked_pin(path, name, text_of(package, "version", path), marker))
    check_registry(path, name, package["source"]["registry"], digests)
    for digest in digests:
        allow(draft, name, digest.removeprefix("sha256:"))


def _place(files: Files, path: str, package: dict[str, Any], asked: _Reached, draft: RecipeDraft) -> None:
    """One package from where the lock says."""
    name, source = text_of(package, "name", path), package.get("source", {})
    extras = extras_of(asked.extras)
    folder = str(PurePosixPath(path).parent)
    if isinstance(git := source.get("git"), str):
        read_lines(files, [Line(f"{name}{extras} @ {locked_git(git)}{asked.marker}", path, 0)], draft)
    elif isinstance(url := source.get("url"), str) and len(digests := _digests(package)) == 1:
        address = archive_address(url, digests.pop(), source.get("subdirectory"))
        read_lines(files, [Line(f"{name}{extras} @ {address}{asked.marker}", path, 0)], draft)
    elif isinstance(source.get("virtual"), str):
        for edge in _edges(package, ()):
            said = edge.get("marker")
            marker = f" ; {said}" if isinstance(said, str) and "extra ==" not in said else ""
            draft.require(wish(path, f"{text_of(edge, 'name', path)}{extras_of(edge.get('extra'))}{marker}"))
    elif isinstance(inner := source.get("editable") or source.get("directory") or source.get("path"), str):
        if "://" in inner or inner.startswith("/"):
            raise no_place(path, name)
        editable = "-e " if "editable" in source else ""
        place = (inner if folder == "." else f"{folder}/{inner}") + in_folder(source.get("subdirectory"))
        read_lines(files, [Line(f"{editable}./{place}{extras}{asked.marker}", path, 0)], draft)
    else:
        raise no_place(path, name)


def _digests(package: dict[str, Any]) -> set[str]:
    found = (re.fullmatch(r"sha256:([0-9a-f]{64})", str(file.get("hash"))) for file in files_of(package))
    return {match[1] for match in found if match}


def _reach(
    packages: list[dict[str, Any]], names: list[str], content: dict[str, Any], project: Project
) -> dict[str, _Reached] | None:
    """What the project reaches by name; None where the lock does not say what that asks for."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for name, package in zip(names, packages, strict=True):
        by_name.setdefault(name, []).append(package)
    reached: dict[str, _Reached] = {}
    groups = tuple(default_groups(project)) + (("dev",) if "dev" not in default_groups(project) else ())
    roots = [package for package in packages if _is_root(package)]
    edges = [edge for root in roots for edge in _edges(root, groups)]
    if not roots:
        members = table_of(content.get("manifest")).get("members")
        edges += [{"name": name} for name in members if isinstance(name, str)] if isinstance(members, list) else []
    if not edges:
        return None
    while edges:
        edge = edges.pop()
        if not isinstance(edge.get("name"), str):
            continue
        name, extra, marker = canonicalize_name(edge["name"]), edge.get("extra"), edge.get("marker")
        is_new = name not in reached
        one = reached.setdefault(name, _Reached())
        new = {str(item) for item in extra} - one.extras if isinstance(extra, list) else set()
        one.extras |= new
        if isinstance(marker, str) and "extra ==" not in marker:
            one.markers.append(marker)
        else:
            one.always = True
        if is_new or new:
            edges += [inner for package in by_name.get(name, []) for inner in _edges(package, (), new)]
    return reached


def _edges(
    package: dict[str, Any], groups: tuple[str, ...], extras: set[str] | frozenset[str] = frozenset()
) -> Iterator[dict[str, Any]]:
    """What `package` asks for, with the named groups and extras."""
    yield from dicts(package.get("dependencies"))
    for group, edges in table_of(package.get("dev-dependencies")).items():
        if group in groups:
            yield from dicts(edges)
    for extra, edges in table_of(package.get("optional-dependencies")).items():
        if extra in extras:
            yield from dicts(edges)
