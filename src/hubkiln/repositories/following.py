"""One request over HTTP whose redirects are followed by us, every hop checked; see also :mod:`.smart_http` for git."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx

from hubkiln.egress import Guard
from hubkiln.errors import Refused, Unreachable
from hubkiln.repositories import smart_http, urls
from hubkiln.repositories.tokens import host_of

_HOPS = 5


@asynccontextmanager
async def following(
    url: str,
    guard: Guard,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    content: bytes | None = None,
    token: str | None = None,
    own: Mapping[str, str] | None = None,
    may: Callable[[str], bool] | None = None,
) -> AsyncIterator[tuple[httpx.Response, str]]:
    """
    The last answer, its body not read yet, and the address that gave it.

    A `token`, and headers of its `own`, are sent to the scheme, host and port of `url` alone, and only over TLS or to
    what the admin listed; where `may` is given, to those addresses alone of which it says so.

    Raises:
        Refused, RepositoryNotFound, Unreachable.
    """
    target = httpx.URL(url).copy_with(fragment=None)
    first = host_of(str(target))
    for _ in range(_HOPS + 1):
        endpoint = await guard.check(*urls.split(str(target)))
        trusted = host_of(str(target)) == first and (target.scheme == "https" or endpoint.vouched)
        trusted = trusted and (may is None or may(str(target)))
        login = {"Authorization": f"Bearer {token}"} if token else {}
        sent = {**(headers or {}), **((login | dict(own or {})) if trusted else {})}
        async with smart_http.asking(target, endpoint, sent, method=method, content=content) as answer:
            if not answer.has_redirect_location:
                yield answer, str(target)
                return
            target = _next(url, target, answer.headers["location"])
    raise Unreachable(f"{url} redirects in circles.", hint="Its owner has to correct that.")


def _next(url: str, came_from: httpx.URL, location: str) -> httpx.URL:
    following = came_from.join(location)
    if following.scheme not in ("https", "http") or following.userinfo or not following.host:
        raise Refused(f"{url} redirects to an address that may not be asked.", hint="Use the address it moved to.")
    if came_from.scheme == "https" and following.scheme == "http":
        raise Refused(f"{url} redirects to an unencrypted address.", hint="Use the https:// address it moved to.")
    return following
