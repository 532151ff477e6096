"""What reaches the journal, when writing is slow, fails, or comes from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Entered, Log, Phase, Progress
from hubkiln.builds.interface import Told
from hubkiln.builds.journal import Happened, Hold, Journal, LostBuild
from hubkiln.builds.redaction import Redactor
from hubkiln.builds.writer import Writer
from hubkiln.database.engine import Database
from hubkiln.errors import ServiceError

from .conftest import HOLD, QUICK, begun


class Flaky(Journal):
    """A journal whose next `failures` writes fail."""

    failures = 0
    recovered: asyncio.Event

    async def append(
        self, id: str, hold: Hold, happened: Sequence[Happened], changes: Mapping[str, Any], log_bytes: int = 0
    ) -> list[Told]:
        """Fails as told, then writes."""
        if self.failures:
            self.failures -= 1
            self.recovered.set()
            raise ServiceError("The disk is away.")
        return await super().append(id, hold, happened, changes, log_bytes)


async def test_log_text_is_gathered(database: Database) -> None:
    """A hundred small pieces become a few rows, whole and in order."""
    journal = Journal(database)
    record = await begun(database)
    async with Writer(journal, HOLD, record, QUICK) as writer:
        for number in range(100):
            writer.tell(Log(f"{number}\n"))
        writer.tell(Entered(Phase.RESOLVING))
        await writer.end(Phase.FAILED, error={"code": "x", "message": "m", "hint": ""})
    rows = await journal.events(record.id)
    assert len([row for row in rows if isinstance(row.event, Log)]) == 1
    assert (await journal.log(record.id)).decode() == "".join(f"{n}\n" for n in range(100))


async def test_the_last_words_are_kept(database: Database) -> None:
    """Text without an end of line is in the log when the build ends."""
    journal = Journal(database)
    record = await begun(database)
    async with Writer(journal, HOLD, record, QUICK) as writer:
        writer.tell(Log("Segmentation fault"))
        await writer.end(Phase.FAILED)
    assert await journal.log(record.id) == b"Segmentation fault"


async def test_progress_is_thinned(database: Database) -> None:
    """Of progress told in one moment the last is kept."""
    journal = Journal(database)
    record = await begun(database)
    async with Writer(journal, HOLD, record, QUICK) as writer:
        for done in range(1000):
            writer.tell(Progress(done, 999))
        await writer.end(Phase.FAILED)
    told = [row.event for row in await journal.events(record.id) if isinstance(row.event, Progress)]
    assert told == [Progress(999, 999)]


async def test_events_may_come_from_threads(database: Database) -> None:
    """A builder may tell from a worker thread; order is kept."""
    journal = Journal(database)
    record = await begun(database)
    async with Writer(journal, HOLD, record, QUICK) as writer:
        await asyncio.to_thread(lambda: [writer.tell(Log(f"{n}\n")) for n in range(50)])
        await writer.end(Phase.FAILED)
    assert (await journal.log(record.id)).decode() == "".join(f"{n}\n" for n in range(50))


async def test_a_failing_write_is_tried_again(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """When the database comes back everything is there, once and in order."""
    journal = Flaky(database, Redactor())
    record = await begun(database)
    journal.failures, journal.recovered = 1, asyncio.Event()
    async with Writer(journal, HOLD, record, replace(QUICK, flush_seconds=0)) as writer:
        writer.tell(Log("one\n"))
        await asyncio.wait_for(journal.recovered.wait(), 5)
        writer.tell(Log("two\n"))
        await writer.end(Phase.FAILED)
    assert await journal.log(record.id) == b"one\ntwo\n"
    assert [row.seq for row in await journal.events(record.id)] == [1, 2, 3]


async def test_a_build_taken_away_is_not_written(database: Database) -> None:
    """Once another process has closed the record, nothing more of ours gets in, and we are told."""
    journal = Journal(database)
    record = await begun(database)
    lost = asyncio.Event()
    async with Writer(journal, HOLD, record, QUICK, lost=lost.set) as writer:
        await Claims(database, attempts=1).give_back("w")
        writer.tell(Log("late\n"))
        await asyncio.wait_for(lost.wait(), 5)
        with pytest.raises(LostBuild):
            await writer.end(Phase.FAILED)
    assert (await journal.record(record.id)).state == Phase.INTERRUPTED
    assert await journal.log(record.id) == b""
