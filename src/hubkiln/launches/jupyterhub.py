"""Starts servers through the Hub's API, as the service that the hub gave a role for it.

A start that fails on the hub's side is tried again, after a pause that doubles. What the hub refuses is not.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from hubkiln.errors import Conflict, Refused, Unreachable
from hubkiln.launches.interface import Launch, Launched, LaunchFailed, LaunchSettings, Tell
from hubkiln.launches.names import server_name, user_name
from hubkiln.launches.order import Order
from hubkiln.signing import Signer

log = logging.getLogger(__name__)

ANSWER_SECONDS = 60
"""Longest silence of the Hub; it answers a start after 10 seconds at the latest."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A user's server."""

    user: str
    server: str = ""
    temporary: bool = False

    @property
    def path(self) -> str:
        """Below the API."""
        return f"users/{quote(self.user, safe='@~')}/servers/{self.server}"

    @property
    def progress(self) -> str:
        """Below the API; the default server's is elsewhere."""
        return f"{self.path}/progress" if self.server else f"users/{quote(self.user, safe='@~')}/server/progress"


@dataclass(frozen=True, slots=True)
class HubLauncher:
    """Starts servers of the hub at `api_url`."""

    api_url: str
    api_token: str = field(repr=False)
    settings: LaunchSettings = field(default_factory=LaunchSettings)

    async def launch(self, launch: Launch, tell: Tell) -> Launched:
        """See :class:`hubkiln.launches.interface.Launcher`."""
        pause = self.settings.pause_seconds
        async with self._client() as client:
            for attempt in range(1, self.settings.attempts + 1):
                try:
                    async with asyncio.timeout(self.settings.seconds):
                        return await self._attempt(client, launch, tell)
                except (LaunchFailed, Unreachable, TimeoutError) as error:
                    why = "it took too long." if isinstance(error, TimeoutError) else str(error)
                    log.warning("launch failed", extra={"action": "launch_failed", "attempt": attempt, "why": why})
                    if attempt == self.settings.attempts:
                        raise LaunchFailed(
                            f"The server did not start: {why}", hint="Try again in a few minutes."
                        ) from error
                tell(f"Launch attempt {attempt} failed, retrying...\n")
                await asyncio.sleep(pause)
                pause *= 2
        raise AssertionError("no attempt was made")

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"{self.api_url.rstrip('/')}/",
            headers={"Authorization": f"token {self.api_token}"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )

    async def _attempt(self, client: httpx.AsyncClient, launch: Launch, tell: Tell) -> Launched:
        place = await self._place(client, launch)
        if not place.temporary:
            return Launched(
                url=await self._found(client, place, launch.image, tell)
                or await self._start(client, place, launch, tell)
            )
        try:
            url = await self._start(client, place, launch, tell)
            return Launched(url=url, token=await self._token(client, place))
        except BaseException:  # a start that took too long, or that nobody waits for any more, is cancelled
            await asyncio.shield(asyncio.ensure_future(self._forget(place.user)))
            raise

    async def _forget(self, user: str) -> None:
        """Remove a temporary user who got no server; the hub may first have to end the start."""
        pause = self.settings.pause_seconds
        async with self._client() as client:  # one of its own: the launch's is closed with it
            for _ in range(self.settings.attempts):
                with suppress(Conflict, Refused, LaunchFailed, Unreachable):
                    await _checked(client, "DELETE", f"users/{user}/server")
                try:
                    await _checked(client, "DELETE", f"users/{user}")
                    return
                except (Conflict, Refused, LaunchFailed, Unreachable) as error:
                    why = str(error)
                await asyncio.sleep(pause)
                pause *= 2
        log.warning("temporary user stays", extra={"action": "temporary_user_stays", "hub_user": user, "why": why})

    async def _place(self, client: httpx.AsyncClient, launch: Launch) -> _Place:
        if launch.user is not None:
            return _Place(launch.user, server_name(launch.name, launch.image))
        user = user_name(launch.name)
        await _checked(client, "POST", f"users/{user}")
        return _Place(user, temporary=True)

    async def _found(self, client: httpx.AsyncClient, place: _Place, image: str, tell: Tell) -> str:
        """
        The address of the user's server of `image`, if it runs or is being started; the default one may be it.

        It is being started where another tab asked for it, or the Hub went away after it had taken our order.
        """
        servers = (await _checked(client, "GET", f"users/{quote(place.user, safe='@~')}")).json().get("servers") or {}
        for name in (place.server, ""):
            server = servers.get(name) or {}
            if image not in (server.get("user_options") or {}).values():
                continue
            if server.get("ready"):
                return str(server["url"])
            if server.get("pending") == "spawn":
                return await _until_ready(client, _Place(place.user, name), tell)
        return ""

    async def _start(self, client: httpx.AsyncClient, place: _Place, launch: Launch, tell: Tell) -> str:
        try:
            await self._post(client, place, launch)
        except Refused as error:
            if not place.server or "Named servers are not enabled" not in error.message:
                raise
            place = _Place(place.user)
            await self._post(client, place, launch)
        return await _until_ready(client, place, tell)

    async def _post(self, client: httpx.AsyncClient, place: _Place, launch: Launch) -> None:
        order = Order(
            image=launch.image,
            user=place.user,
            server=place.server,
            temporary=place.temporary,
            origins=self.settings.origins,
            facts=launch.facts,
        )
        options = order.options(Signer(self.api_token))
        await _checked(client, "POST", place.path, {"user_options": options, "display_name": launch.name[:100]})

    async def _token(self, client: httpx.AsyncClient, place: _Place) -> str:
        wanted = {
            "note": "Launched by a link",
            "expires_in": self.settings.token_seconds,
            "scopes": [f"access:servers!server={place.user}/{place.server}"],
        }
        return str((await _checked(client, "POST", f"users/{place.user}/tokens", wanted)).json()["token"])


async def _checked(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> httpx.Response:
    """
    The Hub's answer.

    Raises:
        Conflict, Refused: it says no, and why; LaunchFailed: it failed; Unreachable.
    """
    try:
        answer = await client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise Unreachable("JupyterHub does not answer.", hint="Try again in a minute.") from error
    if answer.is_success:
        return answer
    said = _said(answer)
    if answer.status_code >= 500:
        raise LaunchFailed(said)
    if "already running" in said or "pending" in said:
        raise Conflict(
            "You have a server that runs already, and this hub gives each user one.", hint="Stop it, then try again."
        )
    raise Refused(said)


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"JupyterHub answered {answer.status_code}."


async def _until_ready(client: httpx.AsyncClient, place: _Place, tell: Tell) -> str:
    """The address of a server that is being started, once it is there; raises LaunchFailed, Unreachable."""
    async for event in _progress(client, place.progress):
        if event.get("message"):
            tell(f"{str(event['message']).rstrip()}\n")
        if event.get("ready"):
            return str(event["url"])
        if event.get("failed"):
            raise LaunchFailed(str(event.get("message") or "JupyterHub does not say why."))
    raise LaunchFailed("JupyterHub ended its report before the server was ready.")


async def _progress(client: httpx.AsyncClient, path: str) -> AsyncIterator[dict[str, Any]]:
    """The Hub's report of a start, event by event."""
    try:
        async with client.stream("GET", path, headers={"Accept": "text/event-stream"}, timeout=None) as answer:
            if not answer.is_success:
                raise LaunchFailed(f"JupyterHub answered {answer.status_code} when it was asked how the start goes.")
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))
    except httpx.HTTPError as error:
        raise Unreachable("JupyterHub does not answer.", hint="Try again in a minute.") from error
