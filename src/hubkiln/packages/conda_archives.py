"""Fetches conda packages, and has them looked through before anything is unpacked.

rattler 0.28 trusts a package's own list of paths when it places files: a path with ``..`` in it is followed out of
the prefix, and a link that is listed as a text file is read through, on the host. Anybody can publish a package, so
each archive is checked once, member by member, and kept under its hash only when it is sound.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hubkiln.egress import reason, unanswered
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError, TooLarge, Unreachable
from hubkiln.folders import is_whole, keep_note, read_note
from hubkiln.packages.conda_values import Archive, CondaLock, CondaPackage, CondaSettings
from hubkiln.packages.conda_worker import CondaWorker

if TYPE_CHECKING:
    pass

Progress = Callable[[int, int], None]
"""Receives bytes done and bytes in all."""


Look = Callable[[CondaPackage, Path], Awaitable[dict[str, Any]]]
"""Looks through an archive; see :func:`hubkiln.packages.conda_check.look_through`."""


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

    async def one(package: CondaPackage, look: Look) -> Archive:
        async with slots:
            return await fetch_archive(package, cache, settings, count, look)

    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)  # what is above it is closed
    try:
        with CondaWorker(cache, settings) as worker:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(package, worker.look)) for package in lock.packages]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)


async def fetch_archive(
    package: CondaPackage, cache: Path, settings: CondaSettings, count: Callable[[int], None], look: Look
) -> Archive:
    """One package; see :func:`fetch_archives`. `count` gets the sizes of the pieces as they come."""
    home = cache / "packages" / package.sha256
    path, listing = home / package.filename, home / "checked.json"
    if (noted := read_note(listing)) is not None and is_whole(path, package.size):
        count(package.size or path.stat().st_size)
        return _kept(package, path, noted)
    for folder in (home.parent, home):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    new = home / f".{os.getpid()}-{id(count)}-{package.filename}"
    try:
        await _download(package, new, settings, count)
        new.chmod(0o644)  # whoever looks through it is nobody
        found = await look(package, new)
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
    if reason(error) is not None:
        return unanswered(urlsplit(package.url).hostname or "", error)
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


def _kept(package: CondaPackage, path: Path, found: dict[str, Any]) -> Archive:
    return Archive(package, path, tuple(found["files"]), tuple(found["links"]))
