"""The client for ``async with`` and ``await``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import httpx

from hubkiln.client import calls
from hubkiln.client.answers import Build, Environment, Event, Server, build_of, failure_of, refusal_of, server_of
from hubkiln.client.following import Following, event_in
from hubkiln.errors import HubkilnError, Unreachable

T = TypeVar("T")

SECONDS = 30.0
"""Longest silence of the service; a stream has a comment at least so often."""


class AsyncClient:
    """The build service at `url` (with its prefix), asked with a Hub `token`; use as ``async with``."""

    def __init__(self, url: str, token: str, *, seconds: float = SECONDS) -> None:
        self._client = httpx.AsyncClient(
            base_url=calls.base_of(url), headers={"Authorization": f"Bearer {token}"}, timeout=seconds
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def build(self, spec: str, *, ref: str | None = None, subdir: str = "") -> Build:
        """Order a build, or join the one of the same; it may be ready at once."""
        return await self.order(calls.Order(spec=spec, ref=ref, subdir=subdir))

    async def order(self, order: calls.Order) -> Build:
        """:meth:`build` with everything that can be said of it."""
        return await self._do(calls.order(order))

    async def follow(self, id: str) -> AsyncIterator[Event]:
        """Every event of a build, from the first to ``end``; a connection that breaks is made again."""
        following = Following()
        while not following.ended:
            try:
                async with self._stream(calls.events_path(id), following.headers) as answer:
                    async for line in answer.aiter_lines():
                        for event in following.line(line):
                            yield event
            except Unreachable:
                pass
            if not following.ended:
                await asyncio.sleep(following.broke())

    async def wait(self, id: str) -> Build:
        """
        The build when it is ready.

        Raises:
            UserError, ServiceError: it ended otherwise.
        """
        async for event in self.follow(id):
            if event.kind == "end":
                build = build_of(event.data["build"])
                if build.error is not None:
                    raise build.error
                return build
        raise AssertionError("a stream ends with its end")

    async def show(self, id: str) -> Build:
        """A build as it is now."""
        return await self._do(calls.show(id))

    async def builds(self, limit: int = 50) -> list[Build]:
        """One's own builds and those one joined, the newest first."""
        return await self._do(calls.builds(limit))

    async def cancel(self, id: str) -> Build:
        """Leave a build; it stops when nobody wants it."""
        return await self._do(calls.cancel(id))

    async def retry(self, id: str) -> Build:
        """Build the same again, once it has ended."""
        return await self._do(calls.retry(id))

    async def log(self, id: str) -> str:
        """The log so far."""
        async with self._stream(calls.log_path(id), {}) as answer:
            return (await answer.aread()).decode(errors="replace")

    async def environments(self) -> list[Environment]:
        """One's own and public environments, last used first."""
        return await self._do(calls.environments())

    async def change_environment(self, id: str, **changes: str) -> Environment:
        """Change ``name``, ``description`` or ``visibility``."""
        return await self._do(calls.change_environment(id, changes))

    async def forget_environment(self, id: str) -> None:
        """Delete a saved environment."""
        await self._do(calls.forget_environment(id))

    async def launch(self, link: str) -> AsyncIterator[str | Server]:
        """
        Build `link` (``gh/org/repo/HEAD``, as in ``v2/…``) and start a server: what is said, then the server.

        Raises:
            UserError, ServiceError: it was refused or failed.
        """
        async with self._stream(f"build/{link}", {"Accept": "text/event-stream"}) as answer:
            async for line in answer.aiter_lines():
                event = event_in(line) or {}
                if event.get("phase") == "failed":
                    raise failure_of(event)
                if event.get("message"):
                    yield str(event["message"])
                if event.get("phase") == "ready":
                    yield server_of(event)
                    return
        raise Unreachable("The build service ended its stream before the server was ready.")

    async def _do(self, call: calls.Call[T]) -> T:
        try:
            answer = await self._client.request(call.method, call.path, json=call.body, params=call.params)
        except httpx.HTTPError as error:
            raise _silent() from error
        if not answer.is_success:
            raise refusal_of(answer.status_code, answer.content)
        return call.read(answer.json() if answer.content else None)

    @asynccontextmanager
    async def _stream(self, path: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        try:
            async with self._client.stream("GET", path, headers=headers) as answer:
                if not answer.is_success:
                    raise refusal_of(answer.status_code, await answer.aread())
                yield answer
        except httpx.HTTPError as error:
            raise _silent() from error


def _silent() -> HubkilnError:
    return Unreachable("The build service does not answer.", hint="Try again in a minute.")
