"""Reads other tools' lock files: their pins become constraints, so that one resolve joins them with the Jupyter stack.

The addresses in a lock are not used (they could be anyone's); its hashes are kept and checked against the files
that the admin's index gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft, pin, spell
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.pyproject import Project, group_names, read_dependencies, read_group
from hubkiln.recipes.requirements import Line, read_lines

NAMES = ("pylock.toml", "uv.lock", "poetry.lock", "pixi.lock")
"""Lock files of other tools, in order of preference."""


def find_lock(files: Files) -> str | None:
    """The lock that is followed, if any."""
    return next((path for name in NAMES if (path := files.find(name)) is not None), None)


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
        "pixi.lock": _read_pixi,
    }[name]
    return _pythons(reader(files, path, project, draft))


def _pythons(text: Any) -> str | None:
    try:
        return str(SpecifierSet(text)) or None if isinstance(text, str) else None
    except InvalidSpecifier:
        return None  # Poetry's own way to write it


def _read_pylock(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.toml(path, largest=LARGEST_LOCK)
    for package in _tables(content, "packages", path):
        name = _text(package, "name", path)
        if "vcs" in package or "directory" in package or "archive" in package or "version" not in package:
            raise _no_place(path, name)
        requirement = _pin(path, name, _text(package, "version", path), package.get("marker", ""))
        draft.require(requirement)
        for file in _files(package):
            _allow(draft, name, _dict(file.get("hashes")).get("sha256"))
    return content.get("requires-python")


def _read_uv(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.toml(path, largest=LARGEST_LOCK)
    for package in _tables(content, "package", path):
        name, source = _text(package, "name", path), package.get("source", {})
        if not isinstance(source, dict):
            raise _malformed(path)
        if {"virtual", "editable"} & source.keys() or source.get("directory") == ".":
            continue
        if isinstance(git := source.get("git"), str):
            read_lines(files, [Line(f"{name} @ git+{_uv_git(git)}", path, 0)], draft)
            continue
        if "registry" not in source or "version" not in package:
            raise _no_place(path, name)
        marks = package.get("resolution-markers", [])
        marker = " or ".join(f"({mark})" for mark in marks) if isinstance(marks, list) else ""
        draft.constrain(_pin(path, name, _text(package, "version", path), marker))
        for file in _files(package):
            _allow(draft, name, str(file.get("hash", "")).removeprefix("sha256:"))
    _read_roots(files, path, project, draft)
    return content.get("requires-python")


def _uv_git(address: str) -> str:
    """``https://host/r.git?rev=main#<commit>`` in pip's spelling."""
    base, _, commit = address.partition("#")
    return base.partition("?")[0] + (f"@{commit}" if commit else "")


def _read_poetry(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.toml(path, largest=LARGEST_LOCK)
    for package in _tables(content, "package", path):
        name, source = _text(package, "name", path), package.get("source") or {}
        if isinstance(source, dict) and source.get("type") == "git":
            commit = source.get("resolved_reference") or source.get("reference")
            read_lines(files, [Line(f"{name} @ git+{source.get('url')}@{commit}", path, 0)], draft)
            continue
        if isinstance(source, dict) and source.get("type") in ("directory", "file", "url"):
            raise _no_place(path, name)
        draft.constrain(_pin(path, name, _text(package, "version", path), _poetry_marker(package)))
        for file in _dicts(package.get("files")):
            _allow(draft, name, str(file.get("hash", "")).removeprefix("sha256:"))
    _read_roots(files, path, project, draft)
    return _dict(content.get("metadata")).get("python-versions")


def _poetry_marker(package: dict[str, Any]) -> str:
    """Only where a package is locked twice do markers tell the two apart."""
    markers = package.get("markers")
    return markers if isinstance(markers, str) else ""


def _read_roots(files: Files, path: str, project: Project, draft: RecipeDraft) -> None:
    """What the project asks for by itself; the lock limits it."""
    if not project.table:
        raise RecipeError(
            f"`{path}` has no pyproject.toml beside it, which says what of it is wanted.", hint="Add pyproject.toml."
        )
    read_project_wishes(files, project, draft)
    for requirement in _poetry_wishes(project):
        draft.require(requirement)


def read_project_wishes(files: Files, project: Project, draft: RecipeDraft) -> None:
    """
    Add a project's dependencies and its ``dev`` group, as ``uv sync`` and ``poetry install`` do.

    Raises:
        RecipeError.
    """
    read_dependencies(files, project, draft)
    read_group(files, project, "dev", draft)
    if any(name != "dev" for name in group_names(project)):
        draft.warn(f"`{project.path}`: of its dependency groups only `dev` is installed, with what that includes.")


def warn_passed_over(project: Project, draft: RecipeDraft) -> None:
    """Say so where a ``pyproject.toml`` asks for packages in a way that, without a lock, is not followed."""
    if next(_poetry_wishes(project), None) is not None:
        why = "Poetry's own way to ask for packages needs a `poetry.lock`; commit it, or list them under `[project]`"
    elif project.project.get("dependencies") or group_names(project):
        why = "it has a `[build-system]`; ask for the packages in `requirements.txt`"
    else:
        return
    draft.warn(f"The packages that `{project.path}` asks for are not installed: {why}.")


def _poetry_wishes(project: Project) -> Iterator[Requirement]:
    """Names alone: Poetry's own way to write versions is left to its lock, which pins them."""
    poetry = _dict(_dict(project.table.get("tool")).get("poetry"))
    dev = _dict(_dict(poetry.get("group")).get("dev"))
    for table in (poetry.get("dependencies"), poetry.get("dev-dependencies"), dev.get("dependencies")):
        for name, entry in _dict(table).items():
            optional = isinstance(entry, dict) and (entry.get("optional") or {"path", "url", "git"} & entry.keys())
            if name != "python" and not optional:
                yield _poetry_requirement(project.path, name, entry)


def _poetry_requirement(path: str, name: str, entry: Any) -> Requirement:
    extras = entry.get("extras", []) if isinstance(entry, dict) else []
    markers = entry.get("markers", "") if isinstance(entry, dict) else ""
    inner = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    return _requirement(path, f"{name}{inner}" + (f" ; {markers}" if isinstance(markers, str) and markers else ""))


def _read_pixi(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.yaml(path, largest=LARGEST_LOCK)
    platforms = _dict(_dict(_dict(content.get("environments")).get("default")).get("packages"))
    wanted = _dicts(platforms.get("linux-64"))
    known = {str(one.get("pypi")): one for one in _dicts(content.get("packages")) if "pypi" in one}
    if not wanted:
        raise RecipeError(f"`{path}` has no default environment for linux-64.", hint="Add the platform and lock again.")
    python = None
    for entry in wanted:
        if "pypi" in entry:
            package = known.get(str(entry["pypi"]), {})
            name = _text(package, "name", path)
            draft.require(_pin(path, name, _text(package, "version", path), ""))
            _allow(draft, name, package.get("sha256"))
        elif not _PYTHONS_OWN.fullmatch(name := _conda_name(str(entry.get("conda", "")))):
            raise RecipeError(
                f"`{path}` locks the conda package {name}, and only packages of PyPI can be taken from it.",
                hint="Add an environment.yml with the conda packages.",
            )
        elif match := re.search(r"/python-(\d+\.\d+)\.", str(entry["conda"])):
            python = f"=={match[1]}.*"
    return python


_PYTHONS_OWN = re.compile(
    r"_(libgcc|openmp)_mutex|_python_abi3_support|_x86_64-microarch-level|bzip2|ca-certificates|cpython|icu"
    r"|ld_impl_linux-64|lib(expat|ffi|gcc|gcc-ng|gomp|lzma|mpdec|nsl|sqlite|stdcxx|stdcxx-ng|uuid|xcrypt|zlib)"
    r"|ncurses|openssl|pip|python|python_abi|python-gil|readline|setuptools|sqlite|tk|tzdata|uv|wheel|xz|zlib|zstd"
)
"""What conda's Python itself is made of."""


def _conda_name(address: str) -> str:
    """``numpy`` of ``https://…/numpy-2.1.0-py312_0.conda``."""
    return re.sub(r"[^\w.-]", "", address.rsplit("/", 1)[-1].rsplit("-", 2)[0])[:80]


def _pin(path: str, name: str, version: str, marker: Any) -> Requirement:
    try:
        requirement = pin(name, version, marker=marker if isinstance(marker, str) else "")
        spell(requirement)
        return requirement
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise _malformed(path) from error


def _requirement(path: str, text: str) -> Requirement:
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise _malformed(path) from error


def _allow(draft: RecipeDraft, name: str, digest: Any) -> None:
    if isinstance(digest, str) and re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        draft.allow(name, digest)


def _files(package: dict[str, Any]) -> list[dict[str, Any]]:
    return [*_dicts(package.get("wheels")), *_dicts([package.get("sdist")])]


def _tables(content: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _malformed(path)
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(table: dict[str, Any], key: str, path: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise _malformed(path)
    return value


def _malformed(path: str) -> RecipeError:
    return RecipeError(f"`{path}` is malformed.", hint="Make the lock again.")


def _no_place(path: str, name: str) -> RecipeError:
    shown = re.sub(r"[^\x20-\x7e]", "?", name)[:60]
    return RecipeError(
        f"`{path}` takes {shown} from a file or address, which is not allowed.",
        hint="Take it from the index or a git repository.",
    )
