"""Whoever follows a build: everything from its first event, then each as it happens, none missing and none twice.

However many follow one build in this process, and wherever it runs, the journal is read once for all of them; and
however many builds are followed, one question says of which there is news.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import ENDS, Entered, Phase, Queued
from hubkiln.builds.feed import Feed
from hubkiln.builds.interface import BuildSettings, Told
from hubkiln.builds.journal import QUEUE, Journal, bell_of
from hubkiln.builds.runner import first_of
from hubkiln.database import Bell, patiently
from hubkiln.errors import ServiceError
from hubkiln.later import lasting

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Pause after the journal could not be read."""

PACE_SECONDS, SLOWEST_SECONDS = 0.0004, 0.5
"""Least time between two pieces of news for each who follows, and for however many: to tell a crowd of each line by
itself would take longer than the next line takes to come."""


def pause(followers: int) -> float:
    """Seconds between two pieces of news for so many."""
    return min(SLOWEST_SECONDS, PACE_SECONDS * followers) if followers > 1 else 0


@dataclass(eq=False, slots=True)
class _Tail:
    """The one who reads the journal for all who follow a build here."""

    feed: Feed
    task: asyncio.Task[None] | None = None
    followers: int = 0


@dataclass(eq=False, slots=True)
class _Reader:
    """How far one follower has come."""

    after: int
    waits: bool
    """True while the build is queued, as far as was told."""
    place: Queued | None = None
    over: bool = False

    def take(self, told: Told) -> None:
        self.after = told.seq
        if isinstance(told.event, Entered):
            self.waits, self.over = told.event.phase is Phase.QUEUED, told.event.phase in ENDS


@dataclass(eq=False, slots=True)
class Followers:
    """Everybody who follows builds in this process."""

    journal: Journal
    claims: Claims
    bell: Bell
    settings: BuildSettings
    stopping: asyncio.Event
    """Set when the service stops: nobody waits any longer."""
    pause: Callable[[int], float] = pause
    _tails: dict[str, _Tail] = field(default_factory=dict)
    _looking: asyncio.Task[None] | None = None

    async def follow(self, id: str, after: int) -> AsyncGenerator[Told]:
        """
        See :meth:`hubkiln.builds.jobs.Jobs.follow`.

        Raises:
            NotFound. ServiceError: the database was away for longer than a build would wait for it.
        """
        record = await patiently(lambda: self.journal.record(id))
        if record.ended and record.last_seq <= after:
            return
        reader = _Reader(after, Phase(record.state) is Phase.QUEUED)
        with self._tail(id, record.last_seq) as feed:
            while not reader.over:
                more, queue = feed.more(), self.bell.next(QUEUE)
                told = await self._news(id, feed, reader)
                for one in told:
                    yield one
                    if one.seq > reader.after:
                        reader.take(one)
                if told or reader.over:
                    continue
                if self.stopping.is_set():
                    for one in await self._last(id, reader.after):
                        yield one
                    return
                if reader.waits:
                    await first_of(more, queue, seconds=3600)
                else:
                    await more.wait()  # a thousand who wait for one thing are woken by one thing

    async def _news(self, id: str, feed: Feed, reader: _Reader) -> list[Told]:
        told = feed.since(reader.after)
        while told is None:  # what the feed has forgotten, the journal knows
            try:
                told = await self.journal.events(id, reader.after)
            except ServiceError as error:
                log.warning("journal not read", extra={"action": "build_read", "build": id, "error": str(error)})
                await first_of(self.stopping, seconds=AGAIN_SECONDS)
                told = [] if self.stopping.is_set() else None
        return told or (await self._place(id, reader) if reader.waits else [])

    async def _last(self, id: str, after: int) -> list[Told]:
        """What was told while the service stopped, which the feed may not have read."""
        try:
            return await self.journal.events(id, after)
        except ServiceError:
            return []

    async def _place(self, id: str, reader: _Reader) -> list[Told]:
        """The place in the queue, if it is another than was told; it is no part of the record, so it has no number."""
        try:
            place = (await self.claims.places()).get(id)
        except ServiceError:
            return []
        if place is None or (reader.place is not None and reader.place.position == place.position):
            return []
        reader.place = Queued(place.position, place.seconds)
        return [Told(seq=reader.after, at=self.journal.now(), event=reader.place)]

    @contextmanager
    def _tail(self, id: str, last_seq: int) -> Iterator[Feed]:
        if self._looking is None:
            self._looking = asyncio.create_task(lasting("look for news of builds", self._look), name="look for news")
        tail = self._tails.get(id)
        if tail is None:
            tail = self._tails[id] = _Tail(Feed(last_seq))
            tail.task = asyncio.create_task(
                lasting("read a build", lambda: self._read(id, tail)), name=f"read build {id}"
            )
        tail.followers += 1
        try:
            yield tail.feed
        finally:
            tail.followers -= 1
            if not tail.followers:
                del self._tails[id]
                if tail.task is not None:
                    tail.task.cancel()
            if not self._tails and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        """Rings are lost, and between processes on SQLite there are none: ask for all builds at once now and then."""
        while not self.stopping.is_set():
            await first_of(self.stopping, seconds=self.settings.poll_seconds)
            try:
                newest = await self.journal.newest(list(self._tails))
            except ServiceError as error:
                log.warning("journal not read", extra={"action": "build_read", "error": str(error)})
                await first_of(self.stopping, seconds=AGAIN_SECONDS)
                continue
            for id, tail in self._tails.items():
                if newest.get(id, 0) > tail.feed.last_seq:
                    self.bell.ring(bell_of(id))
                tail.feed.wake()  # places change between processes without a ring, too

    async def _read(self, id: str, tail: _Tail) -> None:
        feed = tail.feed
        while not self.stopping.is_set():
            news = self.bell.next(bell_of(id))
            try:
                told = await self.journal.events(id, feed.last_seq)
            except ServiceError as error:
                log.warning("journal not read", extra={"action": "build_read", "build": id, "error": str(error)})
                await first_of(self.stopping, seconds=AGAIN_SECONDS)
                continue
            if told:
                feed.publish(told)
                if seconds := self.pause(tail.followers):
                    await first_of(self.stopping, seconds=seconds)
            else:
                await first_of(news, self.stopping)
        feed.wake()
