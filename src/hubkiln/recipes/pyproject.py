"""Reads ``pyproject.toml`` and ``setup.py`` without running anything: is it a package, what does it depend on."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.places import Places
from hubkiln.recipes.requirement_lines import Line, quoted_line, what_is_wrong
from hubkiln.recipes.requirements import read_lines

_MOST_INCLUDED = 50
"""Dependency groups that include one another, from the first to the last."""


@dataclass(frozen=True, slots=True)
class Project:
    """What ``pyproject.toml`` says; empty without one."""

    path: str = "pyproject.toml"
    table: dict[str, Any] = field(default_factory=dict)
    is_package: bool = False
    """Whether ``pip install .`` applies."""
    locked: frozenset[str] = frozenset()
    """Packages that a lock says everything about, also where they come from."""
    placed: frozenset[str] = frozenset()
    """Those of them that the lock has put among what is built already."""

    @property
    def project(self) -> dict[str, Any]:
        """The ``[project]`` table."""
        return _table(self.table, "project", self.path)


def read_project(files: Files) -> Project:
    """
    The project at the root; with a binder folder nothing there counts but that folder's own ``pyproject.toml``.

    Raises:
        RecipeError.
    """
    setup = files.find_at_root("setup.py") is not None
    if (path := files.find("pyproject.toml")) is None:
        return Project(is_package=setup)
    table = files.toml(path)
    complete = "project" in table and "build-system" in table
    return Project(path, table, setup or (complete and not files.folder))


def requires_python(project: Project) -> str | None:
    """
    ``requires-python``, normalised.

    Raises:
        RecipeError: it is not a set of versions.
    """
    wanted = project.project.get("requires-python")
    return None if wanted is None else _versions(wanted, project.path, "requires-python")


def setup_requires_python(files: Files) -> str | None:
    """
    ``python_requires`` of a ``setup.cfg`` at the root, which a package without a ``pyproject.toml`` of its own has.

    Raises:
        RecipeError: it is not a set of versions.
    """
    if files.find_at_root("setup.cfg") is None:
        return None
    read = configparser.RawConfigParser(strict=False)
    try:
        read.read_string(files.text("setup.cfg"))
    except configparser.Error:  # whoever builds the package says so
        return None
    wanted = read.get("options", "python_requires", fallback="").strip()
    wanted = re.sub(r"([<>]=?\s*\d[\d.]*?)\.\*", r"\1", wanted)  # as setuptools took it for years
    return _versions(wanted, "setup.cfg", "python_requires") if wanted else None


def _versions(wanted: str, path: str, key: str) -> str | None:
    try:
        return str(SpecifierSet(wanted)) or None
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise RecipeError(f"`{path}`: `{key}` is not a set of versions.", hint='Write it as `">=3.10"`.') from error


def read_dependencies(files: Files, project: Project, draft: RecipeDraft) -> None:
    """
    Add ``[project]`` dependencies, where they are written down and not computed.

    Raises:
        RecipeError: one of them is malformed.
    """
    places = Places(files, project.path, project.table)
    if not project.locked:
        places.refuse_indexes()
    if project.is_package:
        places.refuse_builders()
    _add(files, project, project.project.get("dependencies", []), "dependencies", draft)


def read_uv_wishes(files: Files, project: Project, draft: RecipeDraft) -> None:
    """
    Add what only uv reads: its own list of development packages, from before there were groups, and its limits.

    Raises:
        RecipeError.
    """
    uv = _uv(project)
    _add(files, project, uv.get("dev-dependencies", []), "tool.uv.dev-dependencies", draft, "dev")
    if not project.locked:
        _warn_of_choosing(files, project, draft)
    limits = uv.get("constraint-dependencies", [])
    for item in limits if isinstance(limits, list) else []:
        line = quoted_line(files, project.path, str(item))
        _check(line)
        read_lines(files, [replace(line, constraint=True)], draft)
    for tool, key in (("uv", uv.get("override-dependencies")), ("pdm", _pdm_resolution(project).get("overrides"))):
        if key and not project.locked:
            said = "override-dependencies" if tool == "uv" else "tool.pdm.resolution.overrides"
            raise RecipeError(
                f"`{project.path}`: `{said}` cannot be followed without a lock.", hint=f"Commit a {tool}.lock."
            )


def _warn_of_choosing(files: Files, project: Project, draft: RecipeDraft) -> None:
    """Say which of a tool's settings that choose versions are not followed; uv's also lie in a file of their own."""
    said = {project.path: [("uv", _uv(project)), ("PDM", _pdm_resolution(project))]}
    if (own := files.find("uv.toml")) is not None:
        said[own] = [("uv", files.toml(own))]
    for path, tools in said.items():
        for tool, table in tools:
            for key in [key for key in _CHOOSING if table.get(key) not in (None, False, [], {})]:
                draft.warn(f"`{path}`: {tool}'s `{key}` is not followed without a lock.")


def _pdm_resolution(project: Project) -> dict[str, Any]:
    pdm = _table(_table(project.table, "tool", project.path), "pdm", project.path)
    return _table(pdm, "resolution", project.path)


_CHOOSING = (
    "exclude-newer",
    "exclude-newer-package",
    "exclude-dependencies",
    "resolution",
    "prerelease",
    "index-strategy",
    "no-binary",
    "no-binary-package",
    "dependency-metadata",
    "no-build",
    "no-build-package",
    "no-build-isolation-package",
    "build-constraint-dependencies",
    "allow-prereleases",
    "excludes",
)
"""What uv, and in the last two PDM, let a project say of which versions and files are chosen."""


def default_groups(project: Project) -> list[str]:
    """Dependency groups that are installed when nobody names one: ``dev``, or what uv's ``default-groups`` says."""
    said = _uv(project).get("default-groups", ["dev"])
    if said == "all":
        return group_names(project)
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def passed_over(files: Files, project: Project) -> Iterator[tuple[str, str]]:
    """Other tools' own lists of packages, which are not followed: each one's file and table."""
    tool = _table(project.table, "tool", project.path)
    for name, key in (
        ("pdm", "dev-dependencies"),
        ("rye", "dev-dependencies"),
        ("pixi", "dependencies"),
        ("pixi", "pypi-dependencies"),
        ("pixi", "feature"),
    ):
        if _table(tool, name, project.path).get(key):
            yield project.path, f"tool.{name}.{key}"
    hatch = [(project.path, "tool.hatch.envs", _table(tool, "hatch", project.path))]
    if (own := files.find("hatch.toml")) is not None:
        hatch.append((own, "envs", files.toml(own)))
    for path, table, content in hatch:
        for name, env in _table(content, "envs", path).items():
            if isinstance(env, dict) and (env.get("dependencies") or env.get("extra-dependencies")):
                yield path, f"{table}.{re.sub(r'[^ -~]', '?', name)[:40]}"


def _uv(project: Project) -> dict[str, Any]:
    return _table(_table(project.table, "tool", project.path), "uv", project.path)


def read_group(files: Files, project: Project, name: str, draft: RecipeDraft) -> None:
    """
    Add a dependency group with those that it includes; nothing when there is none of that name.

    Raises:
        RecipeError.
    """
    groups = {_normal(key): value for key, value in _table(project.table, "dependency-groups", project.path).items()}
    _Groups(files, project, groups, draft).add(_normal(name), ())


def group_names(project: Project) -> list[str]:
    """Names of the dependency groups."""
    return list(_table(project.table, "dependency-groups", project.path))


@dataclass(slots=True)
class _Groups:
    """Dependency groups, each of which is added once, however often others include it."""

    files: Files
    project: Project
    groups: dict[str, Any]
    draft: RecipeDraft
    added: set[str] = field(default_factory=set)

    @property
    def path(self) -> str:
        return self.project.path

    def add(self, name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise RecipeError(f"`{self.path}`: the dependency group `{name}` includes itself.", hint="Remove that.")
        if name in self.added:
            return
        self.added.add(name)
        items = self.groups.get(name, [])
        if not isinstance(items, list):
            raise RecipeError(f"`{self.path}`: the dependency group `{name}` is not a list.", hint="Write it as `[…]`.")
        if len(above) > _MOST_INCLUDED:
            raise RecipeError(f"`{self.path}`: dependency groups include one another too deep.", hint="Join some.")
        for item in items:
            if isinstance(item, dict) and isinstance(inner := item.get("include-group"), str):
                if _normal(inner) not in self.groups:
                    raise RecipeError(
                        f"`{self.path}`: there is no dependency group `{inner}`.", hint="Correct its name."
                    )
                self.add(_normal(inner), (*above, name))
            else:
                _add(self.files, self.project, [item], f"dependency group {name}", self.draft, name)


def _add(files: Files, project: Project, items: Any, what: str, draft: RecipeDraft, group: str = "") -> None:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise RecipeError(
            f"`{project.path}`: `{what}` is not a list of requirements.", hint='Write it as `["numpy>=2"]`.'
        )
    places = Places(files, project.path, project.table)
    for item in items:
        line = quoted_line(files, project.path, item)
        requirement = _check(line)
        name = canonicalize_name(requirement.name)
        if name in project.placed or (name not in project.locked and places.take(requirement, draft, group)):
            continue
        read_lines(files, [line], draft)


def _check(line: Line) -> Requirement:
    """Only PEP 508 is allowed there: no options, no paths."""
    try:
        return Requirement(line.text)
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise line.error(f"`{line.shown}` is not a requirement.", what_is_wrong(line.text)) from error


def _table(of: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    value = of.get(name, {})
    if not isinstance(value, dict):
        raise RecipeError(f"`{path}`: `{name}` should be a table.", hint=f"Write it as `[{name}]`.")
    return value


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
