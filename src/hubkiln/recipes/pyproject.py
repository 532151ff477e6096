"""Reads ``pyproject.toml`` and ``setup.py`` without running anything: is it a package, what does it depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.requirements import Line, read_lines

_MOST_INCLUDED = 50
"""Dependency groups that include one another, from the first to the last."""


@dataclass(frozen=True, slots=True)
class Project:
    """What ``pyproject.toml`` says; empty without one."""

    path: str = "pyproject.toml"
    table: dict[str, Any] = field(default_factory=dict)
    is_package: bool = False
    """Whether ``pip install .`` applies."""

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
    if wanted is None:
        return None
    try:
        return str(SpecifierSet(wanted)) or None
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise RecipeError(
            f"`{project.path}`: `requires-python` is not a set of versions.", hint='Write it as `">=3.10"`.'
        ) from error


def read_dependencies(files: Files, project: Project, draft: RecipeDraft) -> None:
    """
    Add ``[project]`` dependencies, where they are written down and not computed.

    Raises:
        RecipeError: one of them is malformed.
    """
    dependencies = project.project.get("dependencies", [])
    _add(files, project.path, dependencies, "dependencies", draft)


def read_group(files: Files, project: Project, name: str, draft: RecipeDraft) -> None:
    """
    Add a dependency group with those that it includes; nothing when there is none of that name.

    Raises:
        RecipeError.
    """
    groups = {_normal(key): value for key, value in _table(project.table, "dependency-groups", project.path).items()}
    _Groups(files, project.path, groups, draft).add(_normal(name), ())


def group_names(project: Project) -> list[str]:
    """Names of the dependency groups."""
    return list(_table(project.table, "dependency-groups", project.path))


@dataclass(slots=True)
class _Groups:
    """Dependency groups, each of which is added once, however often others include it."""

    files: Files
    path: str
    groups: dict[str, Any]
    draft: RecipeDraft
    added: set[str] = field(default_factory=set)

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
                _add(self.files, self.path, [item], f"dependency group {name}", self.draft)


def _add(files: Files, path: str, items: Any, what: str, draft: RecipeDraft) -> None:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise RecipeError(f"`{path}`: `{what}` is not a list of requirements.", hint='Write it as `["numpy>=2"]`.')
    for item in items:
        _check(path, item)
    read_lines(files, [Line(item.strip(), path, 0) for item in items if item.strip()], draft)


def _check(path: str, item: str) -> None:
    """Only PEP 508 is allowed there: no options, no paths."""
    try:
        Requirement(item)
    except (InvalidRequirement, RecursionError, ValueError) as error:
        shown = re.sub(r"[^\x20-\x7e]", "?", item)[:80]
        raise RecipeError(f"`{path}`: `{shown}` is not a requirement.", hint="Write it as `package>=1.2`.") from error


def _table(of: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    value = of.get(name, {})
    if not isinstance(value, dict):
        raise RecipeError(f"`{path}`: `{name}` should be a table.", hint=f"Write it as `[{name}]`.")
    return value


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
