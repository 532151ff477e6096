"""Fetches the files of a lock: several at once, checked against their hashes, resumed when a connection breaks."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from hubkiln.data_dir import OwnFolder
from hubkiln.egress import unanswered
from hubkiln.errors import DiskFull, HubkilnError, LockFailed, Unreachable
from hubkiln.folders import is_whole
from hubkiln.packages.connections import Connections
from hubkiln.packages.fetching import PIECE, Again, Part, fetch
from hubkiln.packages.interface import PackageSettings, Progress, Wheel
from hubkiln.stores import use
from hubkiln.turns import Turns

TRIES = 5
_TIMEOUT = httpx.Timeout(30, pool=None)

Pause = Callable[[float], Awaitable[None]]


class Downloads:
    """Keeps files below ``wheels/<sha256>/``; the same file asked for twice is fetched once."""

    def __init__(self, own: OwnFolder, settings: PackageSettings, pause: Pause = asyncio.sleep) -> None:
        self._own, self._settings, self._pause = own, settings, pause
        self._turns = Turns()

    def path(self, wheel: Wheel) -> Path:
        """Where the file of `wheel` is or will be."""
        return self._own.path / wheel.sha256 / wheel.filename

    async def ensure(
        self,
        wheels: Sequence[Wheel],
        progress: Progress | None = None,
        arrived: Callable[[Wheel, Path], None] | None = None,
    ) -> dict[Wheel, Path]:
        """
        The files of `wheels`, fetched unless they are there; `arrived` is told of each as soon as it is.

        Raises:
            Unreachable: a host does not answer, after several tries.
            LockFailed: a file is no longer there, or is not the one that was locked.
            DiskFull, TooLarge.
        """
        paths = {wheel: self.path(wheel) for wheel in wheels}
        use(self._own.root, *(path.parent for path in paths.values()))
        tally = _Tally(wheels, progress)
        if all(is_whole(path, wheel.size) for wheel, path in paths.items()):
            for wheel, path in paths.items():
                tally.add(wheel, wheel.size or 0)
                if arrived is not None:
                    arrived(wheel, path)
            return paths
        context = httpx.create_ssl_context()
        client = partial(
            httpx.Client, timeout=_TIMEOUT, follow_redirects=True, auth=self._credentials(), verify=context
        )
        with Connections(client, self._settings.downloads_at_once) as connections:

            async def one(wheel: Wheel) -> None:
                await self._one(connections, wheel, tally)
                if arrived is not None:
                    arrived(wheel, paths[wheel])

            largest_first = sorted(wheels, key=lambda wheel: -(wheel.size or 0))
            await _all(one(wheel) for wheel in largest_first)
        return paths

    async def _one(self, connections: Connections, wheel: Wheel, tally: _Tally) -> None:
        async with self._turns.of(wheel.sha256):
            if is_whole(self.path(wheel), wheel.size):
                tally.add(wheel, wheel.size or 0)
                return
            try:
                await self._fetch(connections, wheel, tally)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DiskFull(
                        f"There is no space left for {wheel.filename}.", hint="Ask the admin to make room."
                    ) from error
                raise

    async def _fetch(self, connections: Connections, wheel: Wheel, tally: _Tally) -> None:
        self._own.work.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._own.work, prefix="wheel-")
        try:
            with os.fdopen(handle, "wb", buffering=PIECE) as file:
                part = Part(file, wheel)
                if urlsplit(wheel.url).scheme == "file":
                    await asyncio.to_thread(part.copy, Path(unquote(urlsplit(wheel.url).path)))
                else:
                    await self._with_patience(connections, wheel, part, tally)
            if part.sha256 != wheel.sha256:
                raise LockFailed(
                    f"{wheel.filename} is not the file that was locked; it was changed or damaged on its way.",
                    hint="Make a new lock (refresh); if it happens again, tell the admin.",
                )
            self._keep(wheel, Path(name))
        finally:
            Path(name).unlink(missing_ok=True)
        tally.add(wheel, wheel.size or 0)

    def _keep(self, wheel: Wheel, part: Path) -> None:
        final = self.path(wheel)
        final.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o644)
        part.replace(final)

    async def _with_patience(self, connections: Connections, wheel: Wheel, part: Part, tally: _Tally) -> None:
        job = partial(fetch, wheel, part, tally.from_thread(wheel))
        async with connections.one() as connection:
            for attempt in range(1, TRIES + 1):
                try:
                    await connection.run(job)
                    return
                except (Again, httpx.TransportError) as error:
                    if attempt == TRIES:
                        if isinstance(error, httpx.ConnectError | httpx.TimeoutException):
                            raise unanswered(urlsplit(wheel.url).hostname or "", error) from error
                        raise Unreachable(
                            f"{wheel.filename} cannot be fetched from {urlsplit(wheel.url).hostname}: "
                            f"{_reason(error)}.",
                            hint="Try again in a few minutes.",
                        ) from error
                    told = error.after if isinstance(error, Again) else None
                    await self._pause(min(told or 0.25 * 2**attempt * (1 + random.random()), 60.0))

    def _credentials(self) -> httpx.Auth | None:
        """User and password of the index address, sent to that scheme, host and port alone."""
        index = self._settings.index_url or ""
        parts = urlsplit(index)
        if parts.username is None or parts.hostname is None:
            return None
        return _ForIndex(httpx.URL(index), unquote(parts.username), unquote(parts.password or ""))


class _ForIndex(httpx.BasicAuth):
    """Basic credentials for one index; files that lie elsewhere are asked for without them."""

    def __init__(self, index: httpx.URL, username: str, password: str) -> None:
        super().__init__(username, password)
        self._index = _where(index)

    def auth_flow(self, request: httpx.Request):  # type: ignore[no-untyped-def]
        """See httpx."""
        if _where(request.url) == self._index:
            yield from super().auth_flow(request)
        else:
            yield request


def _where(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # the port that is usual is None, written or not


class _Tally:
    """Adds up how far all files are."""

    def __init__(self, wheels: Sequence[Wheel], progress: Progress | None) -> None:
        self._progress = progress
        self._done = {wheel.sha256: 0 for wheel in wheels}
        self._total = sum(wheel.size or 0 for wheel in wheels)
        self._told = 0

    def at(self, wheel: Wheel, size: int) -> None:
        """`wheel` has so many bytes now; told in steps of a hundredth."""
        self._done[wheel.sha256] = size
        done = sum(self._done.values())
        if self._progress is not None and (done - self._told) * 100 >= self._total:
            self._told = done
            self._progress(done, max(self._total, done))

    def from_thread(self, wheel: Wheel) -> Callable[[int], None]:
        """:meth:`at` for another thread than that of the running loop, which is not woken for every piece."""
        loop, last = asyncio.get_running_loop(), 0

        def told(size: int) -> None:
            nonlocal last
            if not 0 <= size - last < PIECE:
                last = size
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self.at, wheel, size)

        return told

    def add(self, wheel: Wheel, size: int) -> None:
        """`wheel` is complete."""
        self.at(wheel, size or self._done[wheel.sha256])


async def _all(jobs: object) -> None:
    """Run `jobs` together; the first that fails stops the others and is what the caller sees."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:  # type: ignore[attr-defined]
                group.create_task(job)
    except BaseExceptionGroup as many:
        raise first(many) from many


def first(many: BaseExceptionGroup[BaseException]) -> BaseException:
    """The most telling of several errors: one of ours if there is one."""
    errors: list[BaseException] = []
    for error in many.exceptions:
        errors.append(first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in errors if isinstance(error, HubkilnError)), errors[0])


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
