"""Fetches one file from an address that a repository names, such as a package's archive; every hop is checked.

The host connected to is the one that was checked, as for git (:mod:`hubkiln.repositories.smart_http`).
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from pathlib import Path

import httpx

from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, DiskFull, HubkilnError, NotFound, Refused, TooLarge, Unreachable
from hubkiln.repositories import smart_http, urls

LARGEST = 2 << 30
"""Bytes."""

_HOPS = 5
_SECONDS = 900.0


async def download(url: str, into: Path, guard: Guard) -> str:
    """
    Write what is at `url` to the new file `into`; returns its sha256. On failure there is no file.

    Raises:
        NotFound, AccessDenied, Refused, Unreachable: what the address answers.
        TooLarge, DiskFull.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            return await _followed(url, into, guard)
    except BaseException as error:
        into.unlink(missing_ok=True)
        if isinstance(error, HubkilnError | asyncio.CancelledError):
            raise
        raise _translated(error, url) from error


async def _followed(url: str, into: Path, guard: Guard) -> str:
    target = httpx.URL(url).copy_with(fragment=None)
    for _ in range(_HOPS + 1):
        endpoint = await guard.check(*urls.split(str(target)))
        async with smart_http.asking(target, endpoint) as answer:
            if not answer.has_redirect_location:
                _judge(answer.status_code, url)
                return await _written(answer, into, url)
            following = target.join(answer.headers["location"])
        if following.scheme not in ("https", "http") or following.userinfo or not following.host:
            raise Refused(f"{url} redirects to an address that may not be asked.", hint="Use the address it moved to.")
        if target.scheme == "https" and following.scheme == "http":
            raise Refused(f"{url} redirects to an unencrypted address.", hint="Use the https:// address it moved to.")
        target = following
    raise Unreachable(f"{url} redirects in circles.", hint="Its owner has to correct that.")


async def _written(answer: httpx.Response, into: Path, url: str) -> str:
    digest, size = hashlib.sha256(), 0
    with into.open("xb") as file:
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > LARGEST:
                raise TooLarge(f"{url} is larger than {LARGEST >> 20} MiB.", hint="Use a smaller package.")
            digest.update(piece)
            file.write(piece)
    told = answer.headers.get("content-length", "")
    if told.isdigit() and int(told) != size:
        raise Unreachable(f"{url} ended too early.", hint="Try again in a minute.")
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
