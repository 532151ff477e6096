"""Asks hosts' web interfaces for JSON: answers are kept with their ``ETag``, and a host that has had enough is left be.

What a host says is checked where it is read, so that one that changes its form gives an error that names it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from hubkiln.egress import Guard, pieces_of
from hubkiln.errors import AccessDenied, RepositoryNotFound, Unreachable
from hubkiln.repositories.following import following
from hubkiln.repositories.smart_http import translate
from hubkiln.repositories.tokens import host_of

Json = dict[str, Any]
"""An object as it came; read with the functions below."""

_LARGEST = 16 << 20
_SECONDS = 60.0
_KEPT = 1024
_MISSING_SECONDS = 300.0
_LEAST_WAIT, _LONGEST_WAIT = 60.0, 3600.0


class RateLimited(Unreachable):
    """The host wants no more requests for now."""


@dataclass(frozen=True, slots=True)
class _Kept:
    etag: str
    document: Any


class Api:
    """Asks in the name of nobody, or with tokens by host."""

    def __init__(
        self, guard: Guard, tokens: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._guard, self._tokens, self._clock = guard, dict(tokens or {}), clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._missing: dict[str, float] = {}
        self._closed_until: dict[str, float] = {}

    async def get(
        self,
        url: str,
        *,
        missing: str,
        method: str = "GET",
        token: str | None = None,
        fresh: bool = False,
        content: bytes | None = None,
    ) -> Json:
        """
        The object that `url` answers with. `missing` is said when there is none, and remembered for minutes unless
        the answer is to be `fresh`.

        Raises:
            RepositoryNotFound, AccessDenied, Refused; RateLimited and Unreachable: safe to try again.
        """
        document = await self._ask(url, missing, method, token, fresh, content)
        if not isinstance(document, dict):
            raise unexpected(url)
        return document

    async def list(self, url: str, *, missing: str) -> list[Json]:
        """The same where a list of objects comes."""
        document = await self._ask(url, missing, "GET", None, False)
        if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
            raise unexpected(url)
        return document

    async def _ask(
        self, url: str, missing: str, method: str, token: str | None, fresh: bool, content: bytes | None = None
    ) -> Any:
        host = urlsplit(url).hostname or ""
        now = self._clock()
        if 0 < (wait := self._closed_until.get(host, 0) - now) <= _LONGEST_WAIT:  # longer: the clock was set back
            raise _limited(host, wait)
        if method == "GET" and not fresh and 0 < self._missing.get(url, 0) - now <= _MISSING_SECONDS:
            raise RepositoryNotFound(missing, hint="Check the spelling.")
        kept = self._kept.get(url) if method == "GET" else None
        headers = {"Accept": "application/json"} | ({"If-None-Match": kept.etag} if kept else {})
        headers |= {"Content-Type": "application/json"} if content else {}
        token = token or self._tokens.get(host_of(url))
        try:
            async with (
                asyncio.timeout(_SECONDS),
                following(url, self._guard, headers, method=method, content=content, token=token) as (answer, _),
            ):
                if kept is not None and answer.status_code == 304:
                    self._kept.move_to_end(url)
                    return kept.document
                self._mind_the_limit(host, answer)
                self._judge(url, missing, answer)
                document = _parsed(url, await _body(url, answer))
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise translate(error, url) from error
        self._keep(url, answer, document, method)
        return document

    def _keep(self, url: str, answer: httpx.Response, document: Any, method: str) -> None:
        if method == "GET" and (etag := answer.headers.get("etag")):
            self._kept[url] = _Kept(etag, document)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _mind_the_limit(self, host: str, answer: httpx.Response) -> None:
        """Refusals say when to come again; an answer that was the last one does too."""
        headers, now = answer.headers, self._clock()
        spent = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
        refused = answer.status_code == 429 or (answer.status_code == 403 and (spent or "retry-after" in headers))
        if not spent and not refused:
            return
        wait = _number(headers.get("retry-after"))
        if wait is None and (reset := _number(headers.get("x-ratelimit-reset", headers.get("ratelimit-reset")))):
            wait = reset - now if reset > 1e9 else reset
        wait = min(max(wait or 0, _LEAST_WAIT if refused else 0), _LONGEST_WAIT)
        self._closed_until[host] = now + wait
        if refused:
            raise _limited(host, wait)

    def _judge(self, url: str, missing: str, answer: httpx.Response) -> None:
        status = answer.status_code
        if 200 <= status < 300:
            return
        if status in (404, 410, 422, 451):
            if len(self._missing) >= _KEPT:
                self._missing.clear()
            self._missing[url] = self._clock() + _MISSING_SECONDS
            raise RepositoryNotFound(missing, hint="Check the spelling.")
        if status in (401, 403):
            raise AccessDenied(f"{missing.rstrip('.')}, or it is private.", hint="Check the spelling.")
        raise Unreachable(f"{urlsplit(url).netloc} answers with an error ({status}).", hint="Try again in a minute.")


async def _body(url: str, answer: httpx.Response) -> bytes:
    read = bytearray()
    async for piece in pieces_of(answer):
        read += piece
        if len(read) > _LARGEST:
            raise Unreachable(f"{url} answers with more than can be read.", hint="Tell the host's owner.")
    return bytes(read)


def _parsed(url: str, body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unexpected(url) from error


def _limited(host: str, seconds: float) -> RateLimited:
    minutes = max(1, round(seconds / 60))
    return RateLimited(
        f"{host} answers no more questions for now.",
        hint=f"Try again in {minutes} minute{'s' if minutes > 1 else ''}; an admin can set a token for it.",
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def unexpected(where: str) -> Unreachable:
    """The error for an answer of another form than is documented."""
    return Unreachable(f"{where} answers otherwise than its interface is described.", hint="Tell your admin.")


def text_at(document: Json, *path: str) -> str:
    """A text or a number, as text; raises Unreachable: nothing of the kind is there."""
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise unexpected(f"The host (`{'.'.join(path)}`)")
    return str(found)


def number_at(document: Json, name: str) -> int:
    """A whole number, not below zero; raises Unreachable: there is none."""
    found = document.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise unexpected(f"The host (`{name}`)")
    return found


def object_at(document: Json, name: str) -> Json:
    """An object; raises Unreachable: there is none."""
    found = document.get(name)
    if not isinstance(found, dict):
        raise unexpected(f"The host (`{name}`)")
    return found


def items_at(document: Json, name: str) -> list[Json]:
    """A list of objects; raises Unreachable: there is none."""
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise unexpected(f"The host (`{name}`)")
    return found
