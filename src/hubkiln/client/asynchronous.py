"""The client for ``async with`` and ``await``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import httpx

from hubkiln.client import calls
from hubkiln.client.answers import (
    Build,
    Document,
    Environment,
    Event,
    Server,
    build_of,
    failure_of,
    refusal_of,
    server_of,
)
from hubkiln.client.following import Following, event_in
from hubkiln.errors import HubkilnError, Unreachable

T = TypeVar("T")

SECONDS = 30.0
"""Longest silence of the service; a stream has a comment at least so often."""


class AsyncClient:
    """The build service at `url` (with its prefix), asked with a Hub `token`; use as ``async with``."""

    def __init__(self, url: str, token: str, *, seconds: float = SECONDS) -> None:
        self._client = httpx.AsyncClient(base_url=calls.base_of(url), headers=calls.login_of(token), timeout=seconds)

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

    async def builds(self, limit: int = 50, *, everybody: bool = False) -> list[Build]:
        """One's own builds and those one joined, the newest first; for an admin also everybody's."""
        return await self._do(calls.builds(limit, everybody))

    async def cancel(self, id: str) -> Build:
        """Leave a build; it stops when nobody wants it."""
        return await self._do(calls.cancel(id))

    async def retry(self, id: str) -> Build:
        """Build the same again, once it has ended."""
        return await self._do(calls.retry(id))

    async def log(self, id: str) -> str:
        """The log so far."""
        return await self._text(calls.log_path(id))

    async def forecast(self, spec: str, *, ref: str | None = None, subdir: str = "") -> Document:
        """What :meth:`build` of the same would come to."""
        return await self._do(calls.ask("api/forecast", spec=spec, ref=ref, subdir=subdir))

    async def recognise(self, text: str, *, ref: str | None = None, subdir: str = "") -> Document:
        """What a text that somebody pasted names."""
        return await self._do(calls.ask("api/recognised", text=text, ref=ref, subdir=subdir))

    async def refs(self, spec: str, *, q: str = "", limit: int = 100) -> Document:
        """Branches and tags of a repository, those with `q` in their names."""
        return await self._do(calls.look("api/refs", spec=spec, q=q, limit=limit))

    async def limits(self, spec: str = "") -> Document:
        """What one may have, and has had; `spec` (``gh/org/repo``) says of which repository."""
        return await self._do(calls.look("api/limits", spec=spec))

    async def environments(
        self, q: str = "", *, offset: int = 0, limit: int | None = None, everybody: bool = False
    ) -> list[Environment]:
        """One's own and public environments, last used first, that have the words `q`; for an admin everybody's."""
        return await self._do(calls.environments(q, offset, limit, everybody))

    async def environment(self, id: str) -> Environment:
        """One of them; its ``document`` has the versions."""
        return await self._do(calls.environment(id))

    async def change_environment(self, id: str, **changes: str | bool | dict[str, str]) -> Environment:
        """Change ``name``, ``description``, ``visibility``, ``group``, ``pinned``, ``resources``, or the ``image``."""
        return await self._do(calls.change_environment(id, changes))

    async def forget_environment(self, id: str) -> None:
        """Delete a saved environment."""
        await self._do(calls.forget_environment(id))

    async def build_environment(self, id: str, what: str = "update", *, image: str | None = None) -> Build:
        """``update`` it, ``refresh`` its packages, or ``rebuild`` the version that made `image`."""
        return await self._do(calls.build_environment(id, what, image))

    async def copy_environment(self, id: str) -> Environment:
        """An environment of one's own like that one, to be changed."""
        return await self._do(calls.copy_environment(id))

    async def newer(self, *ids: str) -> Document:
        """Those of the environments whose ref means another commit now."""
        return await self._do(calls.newer(list(ids)))

    async def packages(self, id: str, *, image: str = "") -> Document:
        """What is in an environment, or in its version `image`."""
        return await self._do(calls.packages(id, image))

    async def export(self, id: str, kind: str, *, image: str = "") -> str:
        """It in another tool's words: ``lock``, ``dockerfile``, ``podman``, ``apptainer``, ``sbom``."""
        return await self._text(calls.export_path(id, kind, image))

    async def see_image(self, ref: str) -> Document:
        """What a registry says of an image that somebody would type."""
        return await self._do(calls.look("api/images/look", ref=ref))

    async def token_hosts(self) -> Document:
        """For which hosts one has tokens."""
        return await self._do(calls.look("api/credentials"))

    async def store_token(self, host: str, token: str) -> None:
        """Keep one's token for the private repositories of `host`."""
        await self._do(calls.store_token(host, token))

    async def forget_token(self, host: str) -> None:
        """Remove it."""
        await self._do(calls.remove("api/credentials", host))

    async def engine(self) -> Document:
        """What can be built and started."""
        return await self._do(calls.look("api/engine"))

    async def providers(self) -> list[Document]:
        """How repositories are written, for a form."""
        return await self._do(calls.looks("api/repoproviders"))

    async def versions(self) -> Document:
        """Of what the service is made."""
        return await self._do(calls.look("versions"))

    async def health(self) -> Document:
        """Its ``status``, ``ok``, ``degraded`` or ``down``, and ``checks`` that say what is wrong."""
        return await self._do(calls.health())

    async def storage(self) -> Document:
        """What its stores take; for admins."""
        return await self._do(calls.look("api/storage"))

    async def storage_of_users(self, limit: int = 100) -> Document:
        """Whose environments take how much; for admins."""
        return await self._do(calls.look("api/storage/users", limit=limit))

    async def rules(self) -> list[Document]:
        """What is forbidden or alone allowed; for admins."""
        return await self._do(calls.looks("api/rules", "rules"))

    async def add_rule(self, **rule: str | bool) -> Document:
        """Forbid or allow: ``kind``, ``pattern``, ``allowed``, ``reason``, ``expires``."""
        return await self._do(calls.add("api/rules", rule))

    async def remove_rule(self, id: str) -> None:
        """Lift it."""
        await self._do(calls.remove("api/rules", id))

    async def occasions(self) -> list[Document]:
        """Other limits for a time; for admins."""
        return await self._do(calls.looks("api/occasions", "occasions"))

    async def add_occasion(self, **occasion: object) -> Document:
        """Set some: ``kind``, ``pattern``, ``limits``, ``begins``, ``ends``, ``reason``."""
        return await self._do(calls.add("api/occasions", occasion))

    async def remove_occasion(self, id: str) -> None:
        """Back to the usual limits."""
        await self._do(calls.remove("api/occasions", id))

    async def schedules(self) -> list[Document]:
        """What is built at certain times; for admins."""
        return await self._do(calls.looks("api/schedules", "schedules"))

    async def add_schedule(self, **schedule: object) -> Document:
        """Let it be: ``spec``, ``ref``, ``subdir``, ``times`` as cron has them, ``keep``, ``refresh``, ``as_of``."""
        return await self._do(calls.add("api/schedules", schedule))

    async def run_schedule(self, id: str) -> Document:
        """Build it now, besides its times."""
        return await self._do(calls.of_schedule(id, "run"))

    async def pause_schedule(self, id: str) -> Document:
        """Build it at no times until it is let go on."""
        return await self._do(calls.of_schedule(id, "pause"))

    async def let_schedule_go_on(self, id: str) -> Document:
        """End its pause."""
        return await self._do(calls.of_schedule(id, "go-on"))

    async def remove_schedule(self, id: str) -> None:
        """Build it at no times any more."""
        await self._do(calls.remove("api/schedules", id))

    async def kept_of_user(self, name: str) -> Document:
        """What is kept under a user's name; for admins."""
        return await self._do(calls.of_user("GET", name))

    async def forget_user(self, name: str) -> Document:
        """Forget it; returns what it was."""
        return await self._do(calls.of_user("DELETE", name))

    async def rename_user(self, old: str, new: str) -> Document:
        """Let it be that of another name; returns what it is."""
        return await self._do(calls.of_user("PATCH", old, {"name": new}))

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

    async def _text(self, path: str) -> str:
        async with self._stream(path, {}) as answer:
            return (await answer.aread()).decode(errors="replace")

    async def _do(self, call: calls.Call[T]) -> T:
        try:
            answer = await self._client.request(call.method, call.path, json=call.body, params=call.params)
        except httpx.HTTPError as error:
            raise _silent() from error
        if not answer.is_success and answer.status_code != call.also:
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
