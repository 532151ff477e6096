"""A database in a folder of its own, and jobs over a scripted builder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from hubkiln.builds.claims import Claims
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings, Record, Told
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.builds.journal import Hold
from hubkiln.builds.queue import Asked, Queue
from hubkiln.database.engine import Database
from hubkiln.testing.database import fresh_database
from hubkiln.values import Spec

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
QUICK = BuildSettings(flush_seconds=0.001, beat_seconds=0.02, poll_seconds=0.02)

HOLD = Hold("w", 1)

Start = Callable[..., Awaitable[Jobs]]


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await fresh_database(tmp_path)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def start(database: Database) -> AsyncIterator[Start]:
    """Starts jobs over a builder; stops them at the end."""
    running: list[Jobs] = []

    async def begin(builder: Builder, settings: BuildSettings = QUICK, **more: object) -> Jobs:
        jobs = compose(builder, database, settings, **more)  # type: ignore[arg-type]
        await jobs.start()
        running.append(jobs)
        return jobs

    yield begin
    for jobs in running:
        await jobs.stop()


async def begun(database: Database, worker: str = "w") -> Record:
    """A new build that `worker` runs."""
    await Queue(database).add(Asked(request=REQUEST, owner="ada", ref="HEAD"))
    record = await Claims(database).claim(worker)
    assert record is not None
    return record


async def everything(jobs: Jobs, id: str, after: int = 0) -> list[Told]:
    """All that is told until the end."""
    return [told async for told in jobs.follow(id, after)]
