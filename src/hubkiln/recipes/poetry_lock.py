"""Reads `poetry.lock`: its pins, and the packages that it takes from a folder, a file or a git repository.

As with ``poetry install``, the groups that are not optional are installed. Names come from Poetry's tables; its own way
to write versions is left to the lock, which pins them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from hubkiln.recipes.addresses import archive_address, extras_of, git_address, in_folder
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import (
    allow,
    check_registry,
    dicts,
    locked_pin,
    no_place,
    table_of,
    tables,
    text_of,
    wish,
)
from hubkiln.recipes.poetry_versions import specifier
from hubkiln.recipes.pyproject import Project
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines


def read_poetry(files: Files, path: str, project: Project, draft: RecipeDraft) -> tuple[Any, Project]:
    """
    Add pins, hashes and what comes from elsewhere; returns the Pythons, and the project with what the lock decides.

    Raises:
        RecipeError.
    """
    content = files.toml(path, largest=LARGEST_LOCK)
    groups = {"main", *(name for name, _ in _groups(project))}
    asked, left = dict(_extras(project)), _left(project)
    packages, metadata = tables(content, "package", path), table_of(content.get("metadata"))
    listed = table_of(metadata.get("files"))  # where Poetry before 1.3 has them
    placed, names = set(), set()
    for package in packages:
        name, source = text_of(package, "name", path), table_of(package.get("source"))
        names.add(canonicalize_name(name))
        marker = _marker(package, groups)
        if source.get("type") in (None, "legacy"):
            found = dicts(package.get("files")) or dicts(listed.get(name))
            digests = [str(file.get("hash", "")) for file in found]
            if source:
                check_registry(path, name, source.get("url"), digests)
            draft.constrain(locked_pin(path, name, text_of(package, "version", path), marker))
            for digest in digests:
                allow(draft, name, digest.removeprefix("sha256:"))
            continue
        placed.add(canonicalize_name(name))
        if _is_wanted(package, groups, left):
            extras = extras_of(asked.get(canonicalize_name(name)))
            marker = marker or _asked_marker(canonicalize_name(name), project, packages)
            line = _place(path, name, extras, package, source) + (f" ; {marker}" if marker else "")
            read_lines(files, [Line(line, path, 0)], draft)
    return metadata.get("python-versions"), replace(project, locked=frozenset(names), placed=frozenset(placed))


def _is_wanted(package: dict[str, Any], groups: set[str], left: set[str]) -> bool:
    """False where the lock says (since Poetry 2) that only groups which are not installed need `package`."""
    said = package.get("groups")
    if isinstance(said, list):
        return not package.get("optional") and bool(groups & set(map(str, said)))
    return canonicalize_name(str(package.get("name"))) not in left


def _left(project: Project) -> set[str]:
    """Packages that only optional groups name."""
    groups = table_of(_poetry(project).get("group")).values()
    named = {str(name) for group in groups for name in table_of(table_of(group).get("dependencies"))}
    return {canonicalize_name(name) for name in named - {name for name, _ in _entries(project)}}


def _place(path: str, name: str, extras: str, package: dict[str, Any], source: dict[str, Any]) -> str:
    """pip's line for a package that is not an index's."""
    kind, url, inner = source.get("type"), source.get("url"), source.get("subdirectory")
    if kind == "git" and isinstance(url, str):
        commit = source.get("resolved_reference") or source.get("reference")
        return f"{name}{extras} @ {git_address(url, str(commit or ''), str(inner or ''))}"
    if kind == "url" and isinstance(url, str):
        digests = {str(file.get("hash", "")) for file in dicts(package.get("files"))}
        sha256 = next((one for one in digests if re.fullmatch(r"sha256:[0-9a-f]{64}", one)), None)
        if sha256 is not None and len(digests) == 1:
            return f"{name}{extras} @ {archive_address(url, sha256.removeprefix('sha256:'), inner)}"
    if kind not in ("directory", "file") or not isinstance(url, str) or "://" in url or url.startswith("/"):
        raise no_place(path, name)
    return f"{'-e ' if package.get('develop') else ''}./{PurePosixPath(path).parent / url}{in_folder(inner)}{extras}"


def _marker(package: dict[str, Any], groups: set[str]) -> str:
    """Only where a package is locked twice, or is not an index's, do markers matter: the resolver knows the others."""
    markers = package.get("markers")
    if not isinstance(markers, dict):
        return markers if isinstance(markers, str) else ""
    said = package.get("groups")
    here = groups & set(map(str, said)) if isinstance(said, list) else groups & markers.keys()
    if not here or not here <= markers.keys():
        return ""
    found = sorted({str(markers[group]) for group in here})
    return found[0] if len(found) == 1 else " or ".join(f"({one})" for one in found)


def _asked_marker(name: str, project: Project, packages: list[dict[str, Any]]) -> str:
    """
    What the project's own tables limit the package `name` to: before Poetry 2 its lock does not say that.

    Nothing where another package needs it too.
    """
    for package in packages:
        if any(canonicalize_name(one) == name for one in table_of(package.get("dependencies"))):
            return ""
    entries = (entry for asked, entry in _entries(project) if canonicalize_name(asked) == name)
    limits = [_limits(table_of(entry)) for entry in entries]
    return " or ".join(f"({one.removeprefix(' ; ')})" for one in limits if one) if all(limits) else ""


def wishes(project: Project) -> Iterator[Requirement]:
    """
    What Poetry's tables ask for by name, in the groups that are installed.

    Raises:
        RecipeError: a name is none.
    """
    for name, entry in _entries(project):
        optional = isinstance(entry, dict) and (entry.get("optional") or {"path", "url", "git"} & entry.keys())
        if not optional:
            yield _requirement(project.path, name, entry)


def read_without_lock(project: Project, draft: RecipeDraft) -> str | None:
    """
    Add what Poetry's tables ask for where there is no lock, in the versions that they allow; returns the Pythons.

    What an index does not have, or pip has no words for, is not installed, and that is said.

    Raises:
        RecipeError: a name is none.
    """
    for name, entry in _entries(project):
        table = entry if isinstance(entry, dict) else {"version": entry}
        if table.get("optional"):
            continue
        versions = specifier(str(table.get("version", "*")))
        marker = None if versions is None else _limits(table)
        if marker is None or {"path", "url", "git", "source", "file"} & table.keys():
            draft.warn(
                f"`{project.path}`: `{name[:60]}` of Poetry's tables is not installed: that needs a `poetry.lock`."
            )
            continue
        draft.require(wish(project.path, f"{name}{extras_of(table.get('extras'))}{versions}{marker}"))
    asked = table_of(_poetry(project).get("dependencies")).get("python")
    return (specifier(asked) or None) if isinstance(asked, str) else None


def _limits(table: dict[str, Any]) -> str | None:
    """`` ; marker`` of an entry that is not for every Python or system, or nothing; None if pip has no words for it."""
    found = [str(table["markers"])] if table.get("markers") else []
    if table.get("python"):
        if (pythons := specifier(str(table["python"]))) is None:
            return None
        found += [f"python_full_version {one.operator} '{one.version}'" for one in SpecifierSet(pythons)]
    if table.get("platform"):
        if not re.fullmatch(r"\w+", str(table["platform"])):
            return None
        found.append(f"sys_platform == '{table['platform']}'")
    return f" ; {' and '.join(f'({one})' for one in found)}" if found else ""


def asks(project: Project) -> bool:
    """Whether Poetry's tables ask for anything that ``[project]`` does not."""
    listed = project.project.get("dependencies")
    items = [str(item) for item in listed] if isinstance(listed, list) else []
    known = {canonicalize_name(match[0]) for item in items if (match := re.match(r"[\w.-]+", item))}
    return any(
        canonicalize_name(name) not in known and not (isinstance(entry, dict) and entry.get("optional"))
        for name, entry in _entries(project)
    )


def _entries(project: Project) -> Iterator[tuple[str, Any]]:
    poetry = _poetry(project)
    tables_ = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    for table in (*tables_, *(group.get("dependencies") for _, group in _groups(project))):
        for name, entry in table_of(table).items():
            if name != "python":
                each = (dicts(entry) or [{}]) if isinstance(entry, list) else [entry]  # one for each system or Python
                yield from ((name, one) for one in each)


def _groups(project: Project) -> Iterator[tuple[str, dict[str, Any]]]:
    """The groups that are not optional; ``dev`` is one also where Poetry's old table alone has it."""
    said = table_of(_poetry(project).get("group"))
    for name, group in {"dev": {}, **said}.items():
        if not table_of(group).get("optional"):
            yield name, table_of(group)


def _extras(project: Project) -> Iterator[tuple[str, Any]]:
    for name, entry in _entries(project):
        if isinstance(entry, dict) and entry.get("extras"):
            yield canonicalize_name(name), entry["extras"]


def _requirement(path: str, name: str, entry: Any) -> Requirement:
    extras = extras_of(entry.get("extras")) if isinstance(entry, dict) else ""
    limits = _limits(table_of(entry))
    if limits is None and isinstance(said := table_of(entry).get("markers"), str) and said:
        limits = f" ; {said}"
    return wish(path, f"{name}{extras}{limits or ''}")


def _poetry(project: Project) -> dict[str, Any]:
    return table_of(table_of(project.table.get("tool")).get("poetry"))
