"""Reads ``.gitmodules``: which address each submodule has, and the public form of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    modules: dict[str, dict[str, str]] = {}
    for item in finished.output.split("\0"):
        key, _, value = item.partition("\n")
        if match := re.fullmatch(r"submodule\.(.+)\.(path|url)", key, re.DOTALL):
            modules.setdefault(match[1], {})[match[2]] = value
    return {
        module["path"].rstrip("/"): module["url"] for module in modules.values() if {"path", "url"} <= module.keys()
    }


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
