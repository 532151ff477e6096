"""Reads `pixi.lock`: the packages of PyPI in its default environment."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from hubkiln.errors import RecipeError
from hubkiln.recipes.addresses import locked_git
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.lock_parts import allow, check_registry, dicts, locked_pin, table_of, text_of
from hubkiln.recipes.pyproject import Project
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines


def pixis_conda(files: Files, path: str) -> list[str]:
    """
    The names of what the lock has from conda, but for Python and what that is made of.

    Raises:
        RecipeError: it is malformed.
    """
    content, _ = files.yaml(path, largest=LARGEST_LOCK)
    return [name for entry in _wanted(content) if (name := _of_conda(entry))]


def read_pixi(files: Files, path: str, project: Project, draft: RecipeDraft) -> Any:
    """
    Add pins, hashes and what comes from elsewhere; returns the Python.

    Raises:
        RecipeError: malformed, or with conda packages.
    """
    content, _ = files.yaml(path, largest=LARGEST_LOCK)
    wanted = _wanted(content)
    known = {str(one.get("pypi")): one for one in dicts(content.get("packages")) if "pypi" in one}
    if not wanted:
        raise RecipeError(f"`{path}` has no default environment for linux-64.", hint="Add the platform and lock again.")
    python = None
    for entry in wanted:
        if "pypi" in entry:
            package = known.get(str(entry["pypi"]), {})
            _take(files, path, str(entry["pypi"]), package, draft)
        elif name := _of_conda(entry):
            raise RecipeError(
                f"`{path}` locks the conda package {name}, and only packages of PyPI can be taken from it.",
                hint="Add the pixi.toml that it was made from, or an environment.yml with the conda packages.",
            )
        elif match := re.search(r"/python-(\d+\.\d+)\.", str(entry["conda"])):
            python = f"=={match[1]}.*"
    return python


def _wanted(content: dict[str, Any]) -> list[dict[str, Any]]:
    """What pixi installs in the environment that nobody names, on our kind of machine."""
    platforms = table_of(table_of(table_of(content.get("environments")).get("default")).get("packages"))
    return dicts(platforms.get("linux-64"))


def _of_conda(entry: dict[str, Any]) -> str:
    """The name of an entry that only conda has; empty for packages of PyPI and for Python with what it needs."""
    name = "" if "pypi" in entry else _conda_name(str(entry.get("conda", "")))
    return "" if "pypi" in entry or _PYTHONS_OWN.fullmatch(name) else name


def _take(files: Files, path: str, address: str, package: dict[str, Any], draft: RecipeDraft) -> None:
    """One package of PyPI, of a git repository, or of the repository itself."""
    name = text_of(package, "name", path)
    if address.startswith("git+"):
        read_lines(files, [Line(f"{name} @ {locked_git(address)}", path, 0)], draft)
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
