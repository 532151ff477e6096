"""The client for ``with``, made of :mod:`hubkiln.client.asynchronous` by ``test_twins.py``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
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


class Client:
    """The build service at `url` (with its prefix), asked with a Hub `token`; use as ``with``."""

    def __init__(self, url: str, token: str, *, seconds: float = SECONDS) -> None:
        self._client = httpx.Client(base_url=calls.base_of(url), headers=calls.login_of(token), timeout=seconds)

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

    def builds(self, limit: int = 50, *, everybody: bool = False) -> list[Build]:
        """One's own builds and those one joined, the newest first; for an admin also everybody's."""
        return self._do(calls.builds(limit, everybody))

    def cancel(self, id: str) -> Build:
        """Leave a build; it stops when nobody wants it."""
        return self._do(calls.cancel(id))

    def retry(self, id: str) -> Build:
        """Build the same again, once it has ended."""
        return self._do(calls.retry(id))

    def log(self, id: str) -> str:
        """The log so far."""
        return self._text(calls.log_path(id))

    def forecast(self, spec: str, *, ref: str | None = None, subdir: str = "") -> Document:
        """What :meth:`build` of the same would come to."""
        return self._do(calls.ask("api/forecast", spec=spec, ref=ref, subdir=subdir))

    def recognise(self, text: str, *, ref: str | None = None, subdir: str = "") -> Document:
        """What a text that somebody pasted names."""
        return self._do(calls.ask("api/recognised", text=text, ref=ref, subdir=subdir))

    def refs(self, spec: str, *, q: str = "", limit: int = 100) -> Document:
        """Branches and tags of a repository, those with `q` in their names."""
        return self._do(calls.look("api/refs", spec=spec, q=q, limit=limit))

    def limits(self, spec: str = "") -> Document:
        """What one may have, and has had; `spec` (``gh/org/repo``) says of which repository."""
        return self._do(calls.look("api/limits", spec=spec))

    def environments(
        self, q: str = "", *, offset: int = 0, limit: int | None = None, everybody: bool = False
    ) -> list[Environment]:
        """One's own and public environments, last used first, that have the words `q`; for an admin everybody's."""
        return self._do(calls.environments(q, offset, limit, everybody))

    def environment(self, id: str) -> Environment:
        """One of them; its ``document`` has the versions."""
        return self._do(calls.environment(id))

    def change_environment(self, id: str, **changes: str | bool | dict[str, str]) -> Environment:
        """Change ``name``, ``description``, ``visibility``, ``group``, ``pinned``, ``resources``, or the ``image``."""
        return self._do(calls.change_environment(id, changes))

    def forget_environment(self, id: str) -> None:
        """Delete a saved environment."""
        self._do(calls.forget_environment(id))

    def build_environment(self, id: str, what: str = "update", *, image: str | None = None) -> Build:
        """``update`` it, ``refresh`` its packages, or ``rebuild`` the version that made `image`."""
        return self._do(calls.build_environment(id, what, image))

    def copy_environment(self, id: str) -> Environment:
        """An environment of one's own like that one, to be changed."""
        return self._do(calls.copy_environment(id))

    def newer(self, *ids: str) -> Document:
        """Those of the environments whose ref means another commit now."""
        return self._do(calls.newer(list(ids)))

    def packages(self, id: str, *, image: str = "") -> Document:
        """What is in an environment, or in its version `image`."""
        return self._do(calls.packages(id, image))

    def export(self, id: str, kind: str, *, image: str = "") -> str:
        """It in another tool's words: ``lock``, ``dockerfile``, ``podman``, ``apptainer``, ``sbom``."""
        return self._text(calls.export_path(id, kind, image))

    def see_image(self, ref: str) -> Document:
        """What a registry says of an image that somebody would type."""
        return self._do(calls.look("api/images/look", ref=ref))

    def token_hosts(self) -> Document:
        """For which hosts one has tokens."""
        return self._do(calls.look("api/credentials"))

    def store_token(self, host: str, token: str) -> None:
        """Keep one's token for the private repositories of `host`."""
        self._do(calls.store_token(host, token))

    def forget_token(self, host: str) -> None:
        """Remove it."""
        self._do(calls.remove("api/credentials", host))

    def engine(self) -> Document:
        """What can be built and started."""
        return self._do(calls.look("api/engine"))

    def providers(self) -> list[Document]:
        """How repositories are written, for a form."""
        return self._do(calls.looks("api/repoproviders"))

    def versions(self) -> Document:
        """Of what the service is made."""
        return self._do(calls.look("versions"))

    def health(self) -> Document:
        """Its ``status``, ``ok``, ``degraded`` or ``down``, and ``checks`` that say what is wrong."""
        return self._do(calls.health())

    def storage(self) -> Document:
        """What its stores take; for admins."""
        return self._do(calls.look("api/storage"))

    def storage_of_users(self, limit: int = 100) -> Document:
        """Whose environments take how much; for admins."""
        return self._do(calls.look("api/storage/users", limit=limit))

    def rules(self) -> list[Document]:
        """What is forbidden or alone allowed; for admins."""
        return self._do(calls.looks("api/rules", "rules"))

    def add_rule(self, **rule: str | bool) -> Document:
        """Forbid or allow: ``kind``, ``pattern``, ``allowed``, ``reason``, ``expires``."""
        return self._do(calls.add("api/rules", rule))

    def remove_rule(self, id: str) -> None:
        """Lift it."""
        self._do(calls.remove("api/rules", id))

    def occasions(self) -> list[Document]:
        """Other limits for a time; for admins."""
        return self._do(calls.looks("api/occasions", "occasions"))

    def add_occasion(self, **occasion: object) -> Document:
        """Set some: ``kind``, ``pattern``, ``limits``, ``begins``, ``ends``, ``reason``."""
        return self._do(calls.add("api/occasions", occasion))

    def remove_occasion(self, id: str) -> None:
        """Back to the usual limits."""
        self._do(calls.remove("api/occasions", id))

    def schedules(self) -> list[Document]:
        """What is built at certain times; for admins."""
        return self._do(calls.looks("api/schedules", "schedules"))

    def add_schedule(self, **schedule: object) -> Document:
        """Let it be: ``spec``, ``ref``, ``subdir``, ``times`` as cron has them, ``keep``, ``refresh``, ``as_of``."""
        return self._do(calls.add("api/schedules", schedule))

    def run_schedule(self, id: str) -> Document:
        """Build it now, besides its times."""
        return self._do(calls.of_schedule(id, "run"))

    def pause_schedule(self, id: str) -> Document:
        """Build it at no times until it is let go on."""
        return self._do(calls.of_schedule(id, "pause"))

    def let_schedule_go_on(self, id: str) -> Document:
        """End its pause."""
        return self._do(calls.of_schedule(id, "go-on"))

    def remove_schedule(self, id: str) -> None:
        """Build it at no times any more."""
        self._do(calls.remove("api/schedules", id))

    def kept_of_user(self, name: str) -> Document:
        """What is kept under a user's name; for admins."""
        return self._do(calls.of_user("GET", name))

    def forget_user(self, name: str) -> Document:
        """Forget it; returns what it was."""
        return self._do(calls.of_user("DELETE", name))

    def rename_user(self, old: str, new: str) -> Document:
        """Let it be that of another name; returns what it is."""
        return self._do(calls.of_user("PATCH", old, {"name": new}))

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

    def _text(self, path: str) -> str:
        with self._stream(path, {}) as answer:
            return (answer.read()).decode(errors="replace")

    def _do(self, call: calls.Call[T]) -> T:
        try:
            answer = self._client.request(call.method, call.path, json=call.body, params=call.params)
        except httpx.HTTPError as error:
            raise _silent() from error
        if not answer.is_success and answer.status_code != call.also:
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
