"""Fetches one file from an address that a repository names, such as a package's archive; every hop is checked.

The host connected to is the one that was checked, as for git (:mod:`hubkiln.repositories.smart_http`).
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, DiskFull, HubkilnError, NotFound, TooLarge, Unreachable
from hubkiln.repositories import smart_http
from hubkiln.repositories.bounds import shown
from hubkiln.repositories.following import following
from hubkiln.repositories.record import File
from hubkiln.repositories.tokens import host_of

LARGEST = 2 << 30
"""Bytes."""

_SECONDS = 900.0
_KNOWN = ("md5", "sha1", "sha256", "sha512")


@dataclass(frozen=True, slots=True)
class Download:
    """Fetches single files."""

    guard: Guard
    most_bytes: int = LARGEST
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """An admin's, by host."""
    own_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those of whoever asks."""

    async def file(self, file: File, into: Path, most_bytes: int | None = None, *, own: bool = False) -> str:
        """
        Write `file` to the new file `into`; returns its sha256. On failure there is none.

        `own` is for an address that whoever asks has named, or its host: then their token may open it.

        Raises:
            NotFound, AccessDenied, Refused: what the address answers.
            Unreachable: that, or what came is not what was promised.
            TooLarge, DiskFull.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._fetched(file, into, self.most_bytes if most_bytes is None else most_bytes, own)
        except BaseException as error:
            into.unlink(missing_ok=True)
            if isinstance(error, HubkilnError | asyncio.CancelledError):
                raise
            raise _translated(error, file.url) from error

    async def _fetched(self, file: File, into: Path, most_bytes: int, own: bool) -> str:
        tokens = {**self.tokens, **(self.own_tokens if own else {})}
        token = tokens.get(host_of(file.url))
        async with following(file.url, self.guard, token=token) as (answer, _):
            _judge(answer.status_code, file.url)
            return await written(answer, file, into, most_bytes)


async def download(url: str, into: Path, guard: Guard) -> str:
    """What is at `url`, written to the new file `into`; see :meth:`Download.file`."""
    return await Download(guard).file(File(path=into.name, url=url), into)


async def written(answer: httpx.Response, file: File, into: Path, most_bytes: int) -> str:
    """
    Write the body of `answer` to the new file `into`; returns its sha256.

    Raises:
        TooLarge: more than `most_bytes`.
        Unreachable: other bytes than `file` has.
    """
    digest, size = hashlib.sha256(), 0
    algorithm, _, wanted = file.checksum.partition(":")
    algorithm = algorithm.lower().replace("-", "")
    other = hashlib.new(algorithm, usedforsecurity=False) if algorithm in _KNOWN else None
    with into.open("xb") as target:
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > most_bytes:
                raise TooLarge(f"{file.url} is larger than {shown(most_bytes)}.", hint="Use a smaller one.")
            digest.update(piece)
            if other is not None:
                other.update(piece)
            target.write(piece)
    told = answer.headers.get("content-length", "")
    if (told.isdigit() and int(told) != size) or (file.size is not None and size < file.size):
        raise Unreachable(f"{file.url} ended too early.", hint="Try again in a minute.")
    if (file.size is not None and size > file.size) or (other is not None and other.hexdigest() != wanted.lower()):
        raise Unreachable(
            f"{file.url} gives other bytes than its host says it has.",
            hint="Try again in a minute; if that does not help, tell the host's owner.",
        )
    return digest.hexdigest()


def _judge(status: int, url: str) -> None:
    if status == 200:
        return
    if status in (404, 410, 451):
        raise NotFound(f"There is nothing at {url}.", hint="Correct the address.")
    if status in (401, 403):
        raise AccessDenied(
            f"{url} does not exist or is private.", hint="Only addresses that need no login can be used."
        )
    raise Unreachable(f"The host of {url} answers {status}.", hint="Try again in a few minutes.")


def _translated(error: BaseException, url: str) -> BaseException:
    if isinstance(error, TimeoutError):
        return TooLarge(f"Fetching {url} took longer than {_SECONDS:.0f} s.", hint="Use a smaller package.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"There is no space left for {url}.", hint="An admin has to free some.")
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL | ValueError):
        return smart_http.translate(error, url)
    return error
