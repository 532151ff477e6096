"""A conda lock becomes a folder of files, as they will lie at the final prefix.

rattler places the files and writes the *final* prefix into them though the folder lies elsewhere. No script of a
package is run: those that want to run after placing are named, for a run step. What differs from machine to machine
(paths of our cache, modes by umask) is taken out, so equal locks give equal folders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hubkiln.errors import BuildFailed
from hubkiln.packages.conda_archives import Progress, fetch_archives
from hubkiln.packages.conda_solve import have_rattler
from hubkiln.packages.conda_values import Archive, CondaLock, CondaSettings
from hubkiln.packages.conda_worker import CondaWorker
from hubkiln.removal import remove
from hubkiln.values import PREFIX, Say

if TYPE_CHECKING:
    pass

_LARGEST_RECORD = 256 << 20
"""Bytes of what rattler notes of a package: a list of its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A prefix on disk."""

    prefix: Path
    scripts: tuple[str, ...]
    """Post-link scripts below the prefix (``bin/.<name>-post-link.sh``), in the order in which they should run; each
    expects ``PREFIX``, ``PKG_NAME``, ``PKG_VERSION`` and ``PKG_BUILDNUM`` in its environment."""


async def install_conda(
    lock: CondaLock,
    prefix: Path,
    *,
    cache: Path,
    settings: CondaSettings,
    say: Say,
    progress: Progress = lambda done, total: None,
    target: str = f"/{PREFIX}",
) -> Installed:
    """
    Place the packages of `lock` in the absent folder `prefix`, for use at `target`; on failure `prefix` is removed.

    Raises:
        BuildFailed: a package is not what the lock says, or does what no package may.
        Unreachable, TooLarge, DiskFull, Unsupported.
    """
    have_rattler()
    archives = await fetch_archives(lock, cache, settings, progress)
    check_together(archives, site_packages(lock), say)
    say(f"Placing {len(archives)} conda packages\n")
    work = prefix.with_name(f".{prefix.name}.placing")
    work.mkdir(parents=True)
    try:
        with CondaWorker(cache, settings, work) as worker:
            await worker.place(archives, lock.platform, work, target)
        (work / "prefix").rename(prefix)
    finally:
        await asyncio.shield(asyncio.to_thread(remove, work))
    return Installed(prefix=prefix, scripts=post_link_scripts(lock, prefix))


def site_packages(lock: CondaLock) -> str:
    """Where Python packages lie below the prefix."""
    named = next((package.site_packages for package in lock.packages if package.name == "python"), "")
    return named.strip("/") or f"lib/python{lock.python}/site-packages"


def check_together(archives: Sequence[Archive], site: str, say: Say) -> None:
    """
    Warn of files that two packages place, and refuse files that would go through another package's link.

    rattler writes by itself into some folders (console scripts, records), as we do: these must not be links either.

    Raises:
        BuildFailed: a path leads through a symbolic link.
    """
    owner: dict[str, str] = {}
    ours = _written_through(site)
    links = {_placed(link, archive, site): archive.package.name for archive in archives for link in archive.links}
    for archive in archives:
        for path in (_placed(name, archive, site) for name in (*archive.files, *archive.links)):
            if path in ours and path in links:
                raise BuildFailed(
                    f"The conda package {archive.package.name} has a link where there must be a folder, {path}.",
                    hint="Use another build of it.",
                )
            other = owner.setdefault(path, archive.package.name)
            if other != archive.package.name:
                say(f"Warning: {other} and {archive.package.name} both hold {path}\n")
            through = next((str(parent) for parent in PurePosixPath(path).parents if str(parent) in links), None)
            if through is not None:
                raise BuildFailed(
                    f"The conda package {archive.package.name} places {path} through a link of {links[through]}.",
                    hint="Use another build of one of them.",
                )


def _written_through(site: str) -> frozenset[str]:
    """Folders below the prefix into which something is written that no package lists."""
    folders = (PurePosixPath(path) for path in (site, "bin", "etc/conda/activate.d", "conda-meta", "Menu"))
    return frozenset(str(one) for folder in folders for one in (folder, *folder.parents) if one.name)


def _placed(name: str, archive: Archive, site: str) -> str:
    """Where a file of a package ends up: noarch Python packages do not know the Python's folders."""
    if archive.package.noarch == "python":
        for folder, place in (("site-packages/", f"{site}/"), ("python-scripts/", "bin/")):
            if name.startswith(folder):
                return place + name.removeprefix(folder)
    return name


def post_link_scripts(lock: CondaLock, prefix: Path) -> tuple[str, ...]:
    """Post-link scripts, packages before those that depend on them."""
    packages = {package.name: package for package in lock.packages}
    order: dict[str, None] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name in packages and name not in order and name not in above:
            for need in packages[name].depends:
                visit(need.split()[0], above | {name})
            order[name] = None

    for name in packages:
        visit(name, frozenset())
    scripts = (f"bin/.{name}-post-link.sh" for name in order)
    return tuple(script for script in scripts if (prefix / script).is_file())
