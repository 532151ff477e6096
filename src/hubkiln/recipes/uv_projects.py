"""Finds a member of uv's workspace by its name, in whatever folder it lies."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from hubkiln.recipes.files import Files

_LONGEST = 200
"""Characters of a pattern of folders."""


def find_member(files: Files, base: str, workspace: dict[str, Any], name: str) -> str | None:
    """
    Folder, from the root, of the member called `name` in the `workspace` that the project in the folder `base` has.

    A folder that is called otherwise is looked for at most two below the root.
    """
    for folder in dict.fromkeys(_folders(files, base, _texts(workspace.get("members")), name)):
        below = PurePosixPath(folder).relative_to(base) if base != "." else PurePosixPath(folder)
        if any(_fits(below.parts, pattern) for pattern in _texts(workspace.get("exclude"))):
            continue
        path = f"{folder}/pyproject.toml"
        if files.is_file(path) and _called(files, path) == canonicalize_name(name):
            return folder
    return None


def _folders(files: Files, base: str, members: list[str], name: str) -> Iterator[str]:
    """Where it could be: first in a folder of its own name, then in any that a pattern allows."""
    normal = canonicalize_name(name)
    for member in members:
        for called in (name, normal, normal.replace("-", "_")):
            yield str(PurePosixPath(base, member.replace("*", called)))
    if not any("*" in member or "?" in member for member in members):
        return
    for folder in files.folders_with(("pyproject.toml",)):
        path = PurePosixPath(folder)
        if not path.is_relative_to(base):
            continue
        if any(_fits(path.relative_to(base).parts, member) for member in members):
            yield folder


def _fits(folder: tuple[str, ...], pattern: str) -> bool:
    """Whether the parts of a folder's path are those that `pattern` allows: ``packages/*``, ``**/lib``."""
    return len(pattern) <= _LONGEST and _matches(folder, tuple(part for part in pattern.split("/") if part != "."))


def _matches(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    wanted = wanted[:-1] if wanted and not wanted[-1] else wanted  # a slash at the end
    if not wanted or not parts:
        return not parts and all(one == "**" for one in wanted)
    if wanted[0] == "**":
        return _matches(parts, wanted[1:]) or _matches(parts[1:], wanted)
    return fnmatchcase(parts[0], wanted[0]) and _matches(parts[1:], wanted[1:])


def _called(files: Files, path: str) -> str | None:
    """The name of the project whose file is at `path`."""
    project = files.toml(path).get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return canonicalize_name(name) if isinstance(name, str) else None


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
