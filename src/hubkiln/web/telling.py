"""Tells other programs of builds, tried again for a day; see :mod:`hubkiln.builds.notices`.

Addresses hear of a build's end by a signed POST. Forges hear of a commit that it waits and how it ended; see
:mod:`hubkiln.web.statuses`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import httpx

from hubkiln.builds import QUEUE, Notice, Notices
from hubkiln.database import Database
from hubkiln.egress import Guard
from hubkiln.errors import BadSpec, HubkilnError, Refused
from hubkiln.later import lasting
from hubkiln.repositories import CommitStatuses
from hubkiln.values import utc_now
from hubkiln.web.models import build_model
from hubkiln.web.posting import Message, post
from hubkiln.web.settings import WebSettings
from hubkiln.web.signatures import signed
from hubkiln.web.statuses import next_status, status_message, taken, too_early

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

AT_ONCE = 8
"""Addresses that are told at the same time: a slow one holds up few."""

LOOK_SECONDS = 5.0
"""How often the table is looked at for what is due again; a build's end rings."""


_PLAIN_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


def check_address(url: str, settings: WebSettings) -> None:
    """
    See that a request may name `url` to be told.

    Raises:
        BadSpec: it is no address. Refused: the admin lets no request name its host.
    """
    host = _host(url)
    if not host:
        raise BadSpec("`notify` is no address.", hint="Write it like https://example.org/built.")
    if not any(fnmatchcase(host, pattern.lower()) for pattern in settings.notify_hosts):
        raise Refused(f"{host} may not be told of builds.", hint="An admin lists hosts in `notify_hosts`.")


def _host(url: str) -> str:
    """The host of `url`; empty where it could not be asked, or two readers could take it for two hosts."""
    try:
        parts, read = urlsplit(url), httpx.URL(url)
        host, port = parts.hostname or "", parts.port
    except (ValueError, httpx.InvalidURL):
        return ""
    plain = parts.scheme in ("https", "http") and "@" not in parts.netloc and port != 0
    return host if plain and host == read.raw_host.decode() and _PLAIN_HOST.fullmatch(host) else ""


class Telling:
    """Tells what is due while it runs."""

    def __init__(
        self,
        database: Database,
        settings: WebSettings,
        now: Clock = utc_now,
        look_seconds: float = LOOK_SECONDS,
        statuses: CommitStatuses | None = None,
    ) -> None:
        self._notices, self._bell, self._settings = Notices(database, now), database.bell, settings
        self._statuses = statuses or CommitStatuses()
        self._guard, self._now, self._look_seconds = Guard(settings.notify_networks), now, look_seconds
        self._under_way: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """
        Meanwhile it runs; what is being told at the end is told again by whoever comes next.

        Raises:
            BadSpec: somebody is to be told, and there is no secret to sign with.
        """
        if not self._settings.notify_secret:
            if self._settings.notify or self._settings.notify_hosts:
                raise BadSpec("`notify` needs `notify_secret`.", hint="Name a file with a long random text.")
            if not self._statuses.any:
                yield
                return
        task = asyncio.create_task(lasting("tell of builds", self._forever), name="tell of builds")
        try:
            yield
        finally:
            for one in (task, *self._under_way):
                one.cancel()
            await asyncio.gather(task, *self._under_way, return_exceptions=True)

    async def once(self) -> None:
        """Tell what is due now, and return when that is over."""
        await self._begin()
        await asyncio.gather(*self._under_way)

    async def _forever(self) -> None:
        while True:
            news = self._bell.next(QUEUE)
            try:
                await self._begin()
            except HubkilnError as error:
                log.warning("builds are not told of", extra={"action": "notices", "error": error.message})
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await news.wait()

    async def _begin(self) -> None:
        await self._notices.find(self._settings.notify)
        while len(self._under_way) < AT_ONCE and (notice := await self._notices.take()):
            task = asyncio.create_task(self._tell(notice), name=f"tell {notice.id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _tell(self, notice: Notice) -> None:
        values = {"action": "notice", "build": notice.record.id, "attempt": notice.attempt}
        try:
            if too_early(notice):
                await self._notices.put_off(notice)
                return
            if notice.of_commit and await self._notices.overtaken(notice):
                await self._notices.told(notice)
                return
            message = await self._message(notice)
            if message is None:
                await self._heard(notice)
                return
            values["host"] = urlsplit(message.url).hostname or ""
            if not (problem := await self._problem(message)):
                await self._heard(notice)
                log.info("told of a build", extra=values)
                return
            again = await self._notices.failed(notice)
            when = again.isoformat() if again else "never"
            log.warning("a build's end was not heard", extra=values | {"why": problem, "again": when})
        except HubkilnError as error:  # the database, or who lends a token, is away: it is due again in a minute
            log.warning("builds are not told of", extra=values | {"error": error.message})

    async def _problem(self, message: Message) -> str:
        """Why `message` was not taken; empty if it was."""
        try:
            reply = await post(message, self._guard)
        except (HubkilnError, httpx.HTTPError, TimeoutError, ValueError) as error:
            return error.message if isinstance(error, HubkilnError) else type(error).__name__
        return "" if taken(reply) else f"status {reply.status}"

    async def _message(self, notice: Notice) -> Message | None:
        """What is sent; None where there is nothing to say."""
        if notice.of_commit:
            return await status_message(notice, self._statuses)
        body = json.dumps(payload(notice)).encode()
        headers = signed(body, self._settings.notify_secret, notice.id, self._now().timestamp())
        return Message(url=notice.url, body=body, headers=headers)

    async def _heard(self, notice: Notice) -> None:
        following = next_status(notice)
        await (self._notices.go_on(notice, following) if following else self._notices.told(notice))


def payload(notice: Notice) -> dict[str, object]:
    """What is told."""
    build = build_model(notice.record).model_dump(mode="json")
    return {"type": "build.ended", "timestamp": utc_now().isoformat(), "data": {"build": build}}
