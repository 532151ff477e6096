"""The client for ``with``, made of :mod:`hubkiln.client.asynchronous` by ``test_twins.py``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import httpx

from hubkiln.client import calls
from hubkiln.client.answers import Build, Environment, Event, Server, build_of, failure_of, refusal_of, server_of
from hubkiln.client.following import Following, event_in
from hubkiln.errors import HubkilnError, Unreachable

T = TypeVar("T")

SECONDS = 30.0
"""Longest silence of the service; a stream has a comment at least so often."""


class Client:
    """The build service at `url` (with its prefix), asked with a Hub `token`; use as ``with``."""

    def __init__(self, url: str, token: str, *, seconds: float = SECONDS) -> None:
        self._client = httpx.Client(
            base_url=calls.base_of(url), headers={"Authorization": f"Bearer {token}"}, timeout=seconds
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def build(self, spec: str, *, ref: str | None = None, subdir: str = "") -> Build:
        """Order a build, or join the one of the same; it may be ready at once."""
        return self.order(calls.Order(spec=spec, ref=ref, subdir=subdir))

    def order(self, order: calls.Order) -> Build:
        """:meth:`build` with everything that can be said of it."""
        return self._do(calls.order(order))

    def follow(self, id: str) -> Iterator[Event]:
        """Every event of a build, from the first to ``end``; a connection that breaks is made again."""
        following = Following()
        while not following.ended:
            try:
                with self._stream(calls.events_path(id), following.headers) as answer:
                    for line in answer.iter_lines():
                        yield from following.line(line)
            except Unreachable:
                pass
            if not following.ended:
                time.sleep(following.broke())

    def wait(self, id: str) -> Build:
        """
        The build when it is ready.

        Raises:
            UserError, ServiceError: it ended otherwise.
        """
        for event in self.follow(id):
            if event.kind == "end":
                build = build_of(event.data["build"])
                if build.error is not None:
                    raise build.error
                return build
        raise AssertionError("a stream ends with its end")

    def show(self, id: str) -> Build:
        """A build as it is now."""
        return self._do(calls.show(id))

    def builds(self, limit: int = 50) -> list[Build]:
        """One's own builds and those one joined, the newest first."""
        return self._do(calls.builds(limit))

    def cancel(self, id: str) -> Build:
        """Leave a build; it stops when nobody wants it."""
        return self._do(calls.cancel(id))

    def retry(self, id: str) -> Build:
        """Build the same again, once it has ended."""
        return self._do(calls.retry(id))

    def log(self, id: str) -> str:
        """The log so far."""
        with self._stream(calls.log_path(id), {}) as answer:
            return (answer.read()).decode(errors="replace")

    def environments(self) -> list[Environment]:
        """One's own and public environments, last used first."""
        return self._do(calls.environments())

    def change_environment(self, id: str, **changes: str) -> Environment:
        """Change ``name``, ``description`` or ``visibility``."""
        return self._do(calls.change_environment(id, changes))

    def forget_environment(self, id: str) -> None:
        """Delete a saved environment."""
        self._do(calls.forget_environment(id))

    def launch(self, link: str) -> Iterator[str | Server]:
        """
        Build `link` (``gh/org/repo/HEAD``, as in ``v2/…``) and start a server: what is said, then the server.

        Raises:
            UserError, ServiceError: it was refused or failed.
        """
        with self._stream(f"build/{link}", {"Accept": "text/event-stream"}) as answer:
            for line in answer.iter_lines():
                event = event_in(line) or {}
                if event.get("phase") == "failed":
                    raise failure_of(event)
                if event.get("message"):
                    yield str(event["message"])
                if event.get("phase") == "ready":
                    yield server_of(event)
                    return
        raise Unreachable("The build service ended its stream before the server was ready.")

    def _do(self, call: calls.Call[T]) -> T:
        try:
            answer = self._client.request(call.method, call.path, json=call.body, params=call.params)
        except httpx.HTTPError as error:
            raise _silent() from error
        if not answer.is_success:
            raise refusal_of(answer.status_code, answer.content)
        return call.read(answer.json() if answer.content else None)

    @contextmanager
    def _stream(self, path: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        try:
            with self._client.stream("GET", path, headers=headers) as answer:
                if not answer.is_success:
                    raise refusal_of(answer.status_code, answer.read())
                yield answer
        except httpx.HTTPError as error:
            raise _silent() from error


def _silent() -> HubkilnError:
    return Unreachable("The build service does not answer.", hint="Try again in a minute.")
