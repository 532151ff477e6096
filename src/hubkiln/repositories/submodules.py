"""Reads ``.gitmodules``: which address each submodule has, and the public form of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hubkiln.errors import BadSpec, RepositoryNotFound
from hubkiln.repositories import urls
from hubkiln.repositories.git_command import git


async def addresses(url: str, commit: str, folder: Path, wall: Sequence[str] = ()) -> dict[str, str]:
    """Path to address, as ``.gitmodules`` of `commit` says; empty without that file."""
    finished = await git("config", "-z", "--blob", f"{commit}:.gitmodules", "--list", cwd=folder, wall=wall)
    if finished.code != 0:
        if "unable to resolve" in finished.output:
            return {}
        raise RepositoryNotFound(f"The .gitmodules file of {url} cannot be read.", hint="Correct it in the repository.")
    modules = _modules(finished.output)
    return {module["path"].rstrip("/"): module["url"] for module in modules if {"path", "url"} <= module.keys()}


async def empty(root: Path, most: int = 10) -> list[str]:
    """Paths of the submodules of which the copy `root` of a folder has no file: at most `most`."""
    listed = root / ".gitmodules"
    if listed.is_symlink() or not listed.is_file():
        return []
    read = ("config", "-z", "--no-includes", "--file", listed.absolute(), "--list")
    finished = await git(*read, cwd=root)
    paths = [module["path"].rstrip("/") for module in _modules(finished.output) if "path" in module]
    return [path for path in paths if _is_empty(root, path)][:most]


def _modules(listed: str) -> list[dict[str, str]]:
    """Path and address of each, of what git lists of a ``.gitmodules``."""
    modules: dict[str, dict[str, str]] = {}
    for item in listed.split("\0"):
        key, _, value = item.partition("\n")
        if match := re.fullmatch(r"submodule\.(.+)\.(path|url)", key, re.DOTALL):
            modules.setdefault(match[1], {})[match[2]] = value
    return list(modules.values())


def _is_empty(root: Path, path: str) -> bool:
    with suppress(BadSpec, OSError):
        return not any(folder(root, path).iterdir())
    return False


def public_address(base: str, address: str) -> str:
    """
    Where a submodule of the repository at `base` is fetched from.

    ``git@host:path``, ``ssh://`` and ``git://`` become ``https://``: whoever builds has no key for them.

    Raises:
        BadSpec: an address that is not fetched from, such as a folder.
    """
    joined = urls.join(base, address)
    if joined.startswith("git://"):
        joined = "https://" + joined.removeprefix("git://")
    if not urls.is_url(joined):
        raise BadSpec("Its address is not one that can be fetched.", hint="Use an `https://` address in .gitmodules.")
    canonical = urls.canonical(joined)
    if canonical.startswith("ssh://") and not base.startswith("ssh://"):
        return re.sub(r"^ssh://(?:[^@/]*@)?([^/:]+|\[[^\]]*\])(?::\d+)?/", r"https://\1/", canonical)
    return canonical


def folder(root: Path, path: str) -> Path:
    """
    The empty folder that git made for the submodule at `path`.

    Raises:
        BadSpec: it is not a folder below `root`.
    """
    there = root / path
    if there.is_symlink() or not there.is_dir() or not there.resolve().is_relative_to(root.resolve()):
        raise BadSpec("Its folder is not there.", hint="Correct the repository's submodules.")
    return there
