"""What somebody who follows a build can rely on, whatever wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Entered, Event, Log, Phase
from hubkiln.builds.followers import Followers, pause
from hubkiln.builds.interface import BuildRequest, Told
from hubkiln.builds.jobs import compose
from hubkiln.builds.journal import Happened, Journal
from hubkiln.builds.queue import Asked, Queue
from hubkiln.database.bell import Bell
from hubkiln.database.engine import Database, sqlite_url
from hubkiln.errors import ServiceError
from hubkiln.testing.builds import FakeBuilder
from hubkiln.values import Spec, utc_now
from hubkiln.web.builds import _told

from .conftest import HOLD, QUICK, REQUEST, begun


class DeafBell(Bell):
    """Is never rung, as where another process writes and no news comes through."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def next(self, name: str) -> asyncio.Event:
        """See :class:`hubkiln.database.bell.Bell`."""
        self.asked.set()
        return asyncio.Event()


async def test_a_stop_lets_go_of_nobody_who_has_not_been_told_everything(database: Database) -> None:
    """What was recorded before the service stopped is told, though nothing rang."""
    record, journal = await begun(database), Journal(database)
    stopping = asyncio.Event()
    followers = Followers(journal, Claims(database), DeafBell(), replace(QUICK, poll_seconds=3600), stopping)
    following = followers.follow(record.id, 0)
    assert (await anext(following)).event == Entered(Phase.QUEUED)
    happened: Sequence[Event] = (Entered(Phase.RESOLVING), Entered(Phase.QUEUED))
    await journal.append(record.id, HOLD, [Happened(journal.now(), event) for event in happened], {})
    stopping.set()
    assert [one.event async for one in following][-2:] == list(happened)


async def test_a_crowd_is_told_in_pieces(database: Database) -> None:
    """The more follow, the longer news gather; a stop waits for nothing, and leaves nothing out."""
    assert pause(1) == 0 < pause(10) < pause(1000) < 1 and pause(100_000) < 1
    record, journal, stopping = await begun(database), Journal(database), asyncio.Event()
    settings = replace(QUICK, poll_seconds=3600)
    followers = Followers(journal, Claims(database), database.bell, settings, stopping, lambda count: 3600)
    two = [followers.follow(record.id, 0) for _ in range(2)]
    for one in two:
        await anext(one)
    asked = [asyncio.ensure_future(anext(one)) for one in two]
    await journal.append(record.id, HOLD, [Happened(journal.now(), Log("one\n"))], {})
    assert [(await one).event for one in asked] == [Log("one\n")] * 2
    rest = [asyncio.create_task(_rest(one)) for one in two]
    for text in ("two\n", "three\n"):
        await journal.append(record.id, HOLD, [Happened(journal.now(), Log(text))], {})
    done, _ = await asyncio.wait(rest, timeout=0.05)
    assert not done
    stopping.set()
    assert await asyncio.gather(*rest) == [[Log("two\n"), Log("three\n")]] * 2


async def _rest(following: AsyncGenerator[Told]) -> list[Event]:
    return [one.event async for one in following]


class CountingDatabase(Database):
    """Says how often it was read."""

    reads = 0

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """See :class:`hubkiln.database.Database`."""
        self.reads += 1
        return super().reading()


async def test_a_crowd_that_waits_looks_at_the_queue_once(database: Database, tmp_path: Path) -> None:
    """However many want to know their places at a moment, the tables are read for all of them together."""
    record, _ = await Queue(database).add(Asked(request=REQUEST, owner="ada", ref="HEAD"))
    counting = CountingDatabase(create_async_engine(sqlite_url(tmp_path / "hubkiln.sqlite")))
    claims = Claims(counting)
    found = await asyncio.gather(*(claims.places() for _ in range(100)))
    assert {one[record.id].position for one in found} == {1} and counting.reads == 1
    await counting.close()


async def test_of_however_many_builds_one_question_asks_for_news(database: Database, tmp_path: Path) -> None:
    """Where no bell rings, what another process wrote is found, and the events of the other builds are not read."""
    running, journal = await begun(database), Journal(database)
    waiting = [BuildRequest(spec=Spec(provider="gh", repository=f"org/{number}")) for number in range(20)]
    queued = [(await Queue(database).add(Asked(request=one, owner="ada", ref="HEAD")))[0] for one in waiting]
    engine, asked = create_async_engine(sqlite_url(tmp_path / "hubkiln.sqlite")), list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    here, stopping = Database(engine), asyncio.Event()
    followers = Followers(Journal(here), Claims(here), here.bell, QUICK, stopping)
    others = [asyncio.create_task(_rest(followers.follow(one.id, 0))) for one in queued]
    following = followers.follow(running.id, 0)
    for number in range(10):
        await journal.append(running.id, HOLD, [Happened(journal.now(), Log(f"{number}\n"))], {})
        while (await anext(following)).event != Log(f"{number}\n"):
            pass
    stopping.set()
    assert {(await one)[0] for one in others} == {Entered(Phase.QUEUED)}
    await following.aclose()
    assert sum("FROM build_events" in one for one in asked) <= 3 * len(queued) + 3 * 10
    await here.close()


class AwayDatabase(Database):
    """Does not answer the next few who read."""

    away = 0

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """See :class:`hubkiln.database.Database`."""
        self.away -= 1
        if self.away >= 0:
            raise ServiceError("The build records cannot be read or written at the moment.")
        return super().reading()


async def test_who_comes_while_the_database_is_away_waits_for_it(database: Database, tmp_path: Path) -> None:
    """A stream that has begun already is not cut off because its first or its last question found nobody."""
    record = await begun(database)
    ended = [Happened(utc_now(), Entered(Phase.CANCELLED))]
    await Journal(database).append(record.id, HOLD, ended, {"state": Phase.CANCELLED, "finished": utc_now()})
    away = AwayDatabase(create_async_engine(sqlite_url(tmp_path / "hubkiln.sqlite")))
    jobs, away.away = compose(FakeBuilder(), away), 1
    sent = _told(jobs, record.id, 0)
    assert b"queued" in await anext(sent)
    assert b"cancelled" in await anext(sent)
    away.away = 1
    assert b'"type":"end"' in await anext(sent)
    await away.close()
