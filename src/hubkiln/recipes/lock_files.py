"""Reads other tools' lock files: their pins become constraints, so that one resolve joins them with the Jupyter stack.

The addresses in a lock are not used (they could be anyone's); its hashes are kept and checked against the files
that the admin's index gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import (
    allow,
    check_registry,
    dicts,
    files_of,
    locked_pin,
    no_place,
    table_of,
    tables,
    text_of,
    wish,
)
from hubkiln.recipes.places import git_address
from hubkiln.recipes.pyproject import (
    Project,
    default_groups,
    group_names,
    passed_over,
    read_dependencies,
    read_group,
    read_uv_wishes,
)
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines
from hubkiln.recipes.uv_lock import read_uv

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
    for package in tables(content, "packages", path):
        name = text_of(package, "name", path)
        if "vcs" in package or "directory" in package or "archive" in package or "version" not in package:
            raise no_place(path, name)
        requirement = locked_pin(path, name, text_of(package, "version", path), package.get("marker", ""))
        digests = [str(table_of(file.get("hashes")).get("sha256", "")) for file in files_of(package)]
        if "index" in package:
            check_registry(path, name, package["index"], digests)
        draft.require(requirement)
        for digest in digests:
            allow(draft, name, digest)
    return content.get("requires-python")


def _read_uv(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    pythons, project = read_uv(files, path, project, draft)
    _read_roots(files, path, project, draft)
    return pythons


def _read_poetry(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.toml(path, largest=LARGEST_LOCK)
    placed, names = set(), set()
    for package in tables(content, "package", path):
        name, source = text_of(package, "name", path), table_of(package.get("source"))
        names.add(canonicalize_name(name))
        if source.get("type") in (None, "legacy"):
            digests = [str(file.get("hash", "")) for file in dicts(package.get("files"))]
            if source:
                check_registry(path, name, source.get("url"), digests)
            draft.constrain(locked_pin(path, name, text_of(package, "version", path), _poetry_marker(package)))
            for digest in digests:
                allow(draft, name, digest.removeprefix("sha256:"))
            continue
        placed.add(canonicalize_name(name))
        read_lines(files, [Line(_poetry_place(path, name, package, source), path, 0)], draft)
    _read_roots(files, path, replace(project, locked=frozenset(names), placed=frozenset(placed)), draft)
    return table_of(content.get("metadata")).get("python-versions")


def _poetry_place(path: str, name: str, package: dict[str, Any], source: dict[str, Any]) -> str:
    """pip's line for a package that is not an index's."""
    marker = f" ; {said}" if (said := _poetry_marker(package)) else ""
    kind, url = source.get("type"), source.get("url")
    if kind == "git" and isinstance(url, str):
        commit = source.get("resolved_reference") or source.get("reference")
        return f"{name} @ {git_address(url, str(commit or ''), str(source.get('subdirectory') or ''))}{marker}"
    if kind not in ("directory", "file") or not isinstance(url, str) or "://" in url or url.startswith("/"):
        raise no_place(path, name)
    return f"{'-e ' if package.get('develop') else ''}./{PurePosixPath(path).parent / url}{marker}"


def _poetry_marker(package: dict[str, Any]) -> str:
    """Only where a package is locked twice, or is not an index's, do markers matter: the resolver knows the others."""
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
    for said in passed_over(project):
        draft.warn(f"`{project.path}`: the packages of `{said}` are not installed.")


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
    poetry = table_of(table_of(project.table.get("tool")).get("poetry"))
    dev = table_of(table_of(poetry.get("group")).get("dev"))
    for table in (poetry.get("dependencies"), poetry.get("dev-dependencies"), dev.get("dependencies")):
        for name, entry in table_of(table).items():
            if isinstance(entry, list):
                entry = next(iter(dicts(entry)), {})
            optional = isinstance(entry, dict) and (entry.get("optional") or {"path", "url", "git"} & entry.keys())
            if name != "python" and not optional:
                yield _poetry_requirement(project.path, name, entry)


def _poetry_requirement(path: str, name: str, entry: Any) -> Requirement:
    extras = entry.get("extras", []) if isinstance(entry, dict) else []
    markers = entry.get("markers", "") if isinstance(entry, dict) else ""
    inner = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    return wish(path, f"{name}{inner}" + (f" ; {markers}" if isinstance(markers, str) and markers else ""))


def _read_pixi(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    content = files.yaml(path, largest=LARGEST_LOCK)
    platforms = table_of(table_of(table_of(content.get("environments")).get("default")).get("packages"))
    wanted = dicts(platforms.get("linux-64"))
    known = {str(one.get("pypi")): one for one in dicts(content.get("packages")) if "pypi" in one}
    if not wanted:
        raise RecipeError(f"`{path}` has no default environment for linux-64.", hint="Add the platform and lock again.")
    python = None
    for entry in wanted:
        if "pypi" in entry:
            package = known.get(str(entry["pypi"]), {})
            _take_pixi(files, path, str(entry["pypi"]), package, draft)
        elif not _PYTHONS_OWN.fullmatch(name := _conda_name(str(entry.get("conda", "")))):
            raise RecipeError(
                f"`{path}` locks the conda package {name}, and only packages of PyPI can be taken from it.",
                hint="Add an environment.yml with the conda packages.",
            )
        elif match := re.search(r"/python-(\d+\.\d+)\.", str(entry["conda"])):
            python = f"=={match[1]}.*"
    return python


def _take_pixi(files: Files, path: str, address: str, package: dict[str, Any], draft: RecipeDraft) -> None:
    """One package of PyPI, of a git repository, or of the repository itself."""
    name = text_of(package, "name", path)
    if address.startswith("git+"):
        read_lines(files, [Line(f"{name} @ {address}", path, 0)], draft)
    elif "://" not in address:
        place = PurePosixPath(path).parent / address
        read_lines(files, [Line(f"{'-e ' if package.get('editable') else ''}./{place}", path, 0)], draft)
    else:
        check_registry(path, name, address, [str(package.get("sha256", ""))])
        draft.require(locked_pin(path, name, text_of(package, "version", path), ""))
        allow(draft, name, package.get("sha256"))


_PYTHONS_OWN = re.compile(
    r"_(libgcc|openmp)_mutex|_python_abi3_support|_x86_64-microarch-level|bzip2|ca-certificates|cpython|icu"
    r"|ld_impl_linux-64|lib(expat|ffi|gcc|gcc-ng|gomp|lzma|mpdec|nsl|sqlite|stdcxx|stdcxx-ng|uuid|xcrypt|zlib)"
    r"|ncurses|openssl|pip|python|python_abi|python-gil|readline|setuptools|sqlite|tk|tzdata|uv|wheel|xz|zlib|zstd"
)
"""What conda's Python itself is made of."""


def _conda_name(address: str) -> str:
    """``numpy`` of ``https://…/numpy-2.1.0-py312_0.conda``."""
    return re.sub(r"[^\w.-]", "", address.rsplit("/", 1)[-1].rsplit("-", 2)[0])[:80]
