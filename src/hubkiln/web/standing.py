"""BinderHub's stream for whoever has what they ask for: one event, then silence; nothing is recorded.

Stands before the routes, which cost more than the answer. What it cannot answer at once goes on to them as it came,
and so does everything that is to be refused: there is one place that says why.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hubkiln.builds import BuildRequest, Jobs, RuleKind
from hubkiln.errors import HubkilnError
from hubkiln.web.arrivals import anonymous
from hubkiln.web.binderhub import ready_event
from hubkiln.web.launching import YES
from hubkiln.web.link_specs import spec_in
from hubkiln.web.origins import ALLOWED, origin_headers
from hubkiln.web.requests import Parts, caller_of, check_may_build
from hubkiln.web.stream import HEADERS, KEEPALIVE
from hubkiln.web.visitors import address_of, refuse_banned

TYPE = (b"content-type", b"text/event-stream; charset=utf-8")

_event = lru_cache(maxsize=256)(ready_event)


@lru_cache(maxsize=64)
def _head(more: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    headers = HEADERS | ALLOWED | dict(more)
    return (TYPE, *((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()))


class StandingAnswers:
    """Answers what it can before `app`, a service of `parts`."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts, self._begin = app, parts, f"{unquote(parts.prefix)}build/"
        self._holding = Holding(parts.jobs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(self._begin):
            request = Request(scope)
            usual = scope["query_string"] == b"build_only=true"
            if usual or request.query_params.get("build_only", "").lower() in YES:
                with self._parts.metrics.streams.track_inprogress():
                    event = await self._found(request)
                    if event is not None:
                        return await self._answer(request, event, receive, send)
        await self._app(scope, receive, send)

    async def _found(self, request: Request) -> bytes | None:
        parts = self._parts
        if anonymous(request, parts):  # they are counted
            return None
        with suppress(HubkilnError, TimeoutError):  # whoever comes next says it
            async with asyncio.timeout(parts.settings.at_once_seconds):
                address = address_of(request, parts.settings.trusted_proxies)
                refuse_banned(address, parts.settings.banned_networks)
                request.scope["hubkiln.starts"] = True
                caller = await caller_of(request)
                check_may_build(parts, caller)
                wanted = BuildRequest(spec=spec_in(request, parts))
                built = await parts.jobs.standing(wanted, caller.owner, {RuleKind.NETWORK: address})
                if built is not None:
                    return _event(built.image, reused=True)
        request.scope.pop("hubkiln.starts", None)
        return None

    async def _answer(self, request: Request, event: bytes, receive: Receive, send: Send) -> None:
        self._parts.metrics.standing.inc()
        head = _head(tuple(origin_headers(request, self._parts.settings.allow_origins).items()))
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": KEEPALIVE + event, "more_body": True})
        await self._holding.until_gone(receive, self._parts.settings.hold_seconds)
        await send({"type": "http.response.body", "body": b""})


class Holding:
    """Keeps streams open that have nothing more to tell, until the service of `jobs` stops."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._held: set[asyncio.Timeout] = set()
        self._watch: asyncio.Task[None] | None = None

    async def until_gone(self, receive: Receive, seconds: float) -> None:
        """Until the client has gone, the time is over, or the service stops."""
        if seconds <= 0 or self._jobs.stopping.is_set():
            return
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_stopping(), name="hold streams")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as limit:
                self._held.add(limit)
                try:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                finally:
                    self._held.discard(limit)

    async def _until_stopping(self) -> None:
        await self._jobs.stopping.wait()
        now = asyncio.get_running_loop().time()
        for limit in self._held:
            limit.reschedule(now)
