"""Fetches conda packages and looks through them before anything is unpacked.

rattler 0.28 trusts a package's own list of paths when it places files: a path with ``..`` in it is followed out of
the prefix, and a link that is listed as a text file is read through, on the host. Anybody can publish a package, so
each archive is checked once, member by member, and kept under its hash only when it is sound.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hubkiln.beneath import DEEPEST
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError, TooLarge, Unreachable
from hubkiln.folders import keep_note, read_note
from hubkiln.packages.conda_values import CondaLock, CondaPackage, CondaSettings

if TYPE_CHECKING:
    import rattler

Progress = Callable[[int, int], None]
"""Receives bytes done and bytes in all."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A package on disk, checked."""

    package: CondaPackage
    path: Path
    files: tuple[str, ...]
    """Paths it places below the prefix (``site-packages/…`` for noarch Python), links left out."""
    links: tuple[str, ...]
    """Symbolic links among them."""


async def fetch_archives(
    lock: CondaLock, cache: Path, settings: CondaSettings, progress: Progress
) -> tuple[Archive, ...]:
    """
    Every package of `lock` from below `cache`, downloaded and checked where it is not there yet.

    Raises:
        BuildFailed: an archive is not what the lock says, or does what no package may.
        Unreachable: a channel does not answer.
        TooLarge, DiskFull.
    """
    slots = asyncio.Semaphore(settings.downloads_at_once)
    total, done = sum(package.size or 0 for package in lock.packages), 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(done, max(done, total))

    async def one(package: CondaPackage) -> Archive:
        async with slots:
            return await fetch_archive(package, cache, settings, count)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(package)) for package in lock.packages]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)


async def fetch_archive(
    package: CondaPackage, cache: Path, settings: CondaSettings, count: Callable[[int], None]
) -> Archive:
    """One package; see :func:`fetch_archives`. `count` gets the sizes of the pieces as they come."""
    home = cache / "packages" / package.sha256
    path, listing = home / package.filename, home / "checked.json"
    if (noted := read_note(listing)) is not None and path.exists():
        count(package.size or path.stat().st_size)
        return _kept(package, path, noted)
    home.mkdir(parents=True, exist_ok=True)
    new = home / f".{os.getpid()}-{id(count)}-{package.filename}"
    try:
        await _download(package, new, settings, count)
        found = await look_through(package, new, settings)
        new.replace(path)
        keep_note(listing, found)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(hint="Free space in the data folder, then try again.") from error
        raise
    finally:
        new.unlink(missing_ok=True)
    return _kept(package, path, found)


async def _download(package: CondaPackage, to: Path, settings: CondaSettings, count: Callable[[int], None]) -> None:
    """Write the archive to `to`, its hash checked."""
    from rattler.networking import Client
    from rattler.package_streaming import download_to_writer

    limit = package.size or settings.max_bytes
    parts = urlsplit(package.url)
    with to.open("wb") as file:
        sink = _Sink(file.write, limit, count)
        try:
            if parts.scheme == "file":
                await asyncio.to_thread(_copy, Path(unquote(parts.path)), sink)
            else:
                await download_to_writer(Client.default_client(timeout=300), package.url, sink)
        except Exception as error:
            raise _failed(package, error, sink.too_large) from error
    if sink.hash.hexdigest() != package.sha256:
        raise BuildFailed(
            f"The conda package {package.filename} is not the one that was locked: its hash differs.",
            hint="Build with a fresh lock (refresh).",
        )


def _copy(source: Path, sink: _Sink) -> None:
    with source.open("rb") as file:
        shutil.copyfileobj(file, sink)


def _failed(package: CondaPackage, error: Exception, too_large: bool) -> HubkilnError:
    if too_large:
        return TooLarge(f"The conda package {package.filename} is larger than its channel says.", hint="Use another.")
    if "os error 28" in str(error) or getattr(error, "errno", None) == errno.ENOSPC:
        return DiskFull(hint="Free space in the data folder, then try again.")
    return Unreachable(
        f"The conda package {package.filename} cannot be fetched: {(str(error).splitlines() or ['no answer'])[0]}.",
        hint="Try again in a minute; if it stays, build with a fresh lock (refresh).",
    )


class _Sink:
    """A file that hashes and counts what is written, and refuses more than `limit` bytes."""

    def __init__(self, write: Callable[[bytes], object], limit: int, count: Callable[[int], None]) -> None:
        self._write, self._left, self._count = write, limit, count
        self.hash = hashlib.sha256()
        self.too_large = False

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            self.too_large = True
            raise ValueError("more bytes than announced")
        self.hash.update(data)
        self._write(data)
        self._count(len(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do; the file is closed by its owner."""


async def look_through(package: CondaPackage, path: Path, settings: CondaSettings) -> dict[str, Any]:
    """
    What the archive places, as ``{"files": […], "links": […]}``.

    Raises:
        BuildFailed: it lists a path outside the prefix, or something as what it is not.
        TooLarge: it unpacks to more than allowed.
    """
    from rattler.package_streaming import PackageArchive

    try:
        archive = await PackageArchive.from_path(path)
        plain, links = await _members(package, archive, settings)
        listed = await _listed(archive, links)
    except HubkilnError:
        raise
    except Exception as error:
        raise _refused(package, f"it cannot be read ({(str(error).splitlines() or ['broken'])[0]})") from error
    for name, kind in listed.items():
        _check_name(package, name)
        if kind != "folder" and name not in (links if kind == "link" else plain):
            raise _refused(package, f"its list of files does not fit what is in it ({name[:120]})")
    return {
        "files": sorted(name for name, kind in listed.items() if kind == "file"),
        "links": sorted(name for name, kind in listed.items() if kind == "link"),
    }


async def _members(
    package: CondaPackage, archive: rattler.package_streaming.PackageArchive, settings: CondaSettings
) -> tuple[set[str], set[str]]:
    """Names of the plain files (hard links among them count) and of the symbolic links in the archive's payload."""
    plain: set[str] = set()
    links: set[str] = set()
    left = settings.max_bytes
    async for member in archive.stream("pkg"):
        name = member.name.removeprefix("./")
        left -= member.size
        if left < 0:
            raise TooLarge(
                f"The conda package {package.filename} is too large unpacked.", hint="Ask for fewer packages."
            )
        if member.is_symlink:
            links.add(name)
        elif member.is_hardlink:
            if (member.link_target or "").removeprefix("./") not in plain:
                raise _refused(package, "it has a hard link to something outside it")
            plain.add(name)
        elif member.is_file:
            plain.add(name)
    return plain, links


async def _listed(archive: rattler.package_streaming.PackageArchive, links: set[str]) -> dict[str, str]:
    """Paths the package will place, each as ``file``, ``link`` or ``folder``; the oldest packages have a bare list."""
    found = await archive.read_files(["info/paths.json", "info/files"])
    if (paths := found["info/paths.json"]) is None:
        names = (found["info/files"] or b"").decode().split("\n")
        return {name: "link" if name in links else "file" for name in names if name}
    kinds = {"hardlink": "file", "softlink": "link", "directory": "folder"}
    return {row["_path"]: kinds[row["path_type"]] for row in json.loads(paths)["paths"]}


def _check_name(package: CondaPackage, name: str) -> None:
    parts = PurePosixPath(name).parts
    bad = (
        not 0 < len(parts) <= DEEPEST
        or name.startswith("/")
        or ".." in parts
        or "\0" in name
        or parts[0] == "conda-meta"
    )
    if bad or any(part.startswith(".wh.") for part in parts):
        raise _refused(package, f"it places a file where no package may ({name[:120]})")


def _refused(package: CondaPackage, why: str) -> BuildFailed:
    return BuildFailed(f"The conda package {package.filename} is refused: {why}.", hint="Use another build or channel.")


def _kept(package: CondaPackage, path: Path, found: dict[str, Any]) -> Archive:
    return Archive(package, path, tuple(found["files"]), tuple(found["links"]))
