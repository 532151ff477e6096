"""A process of the service that is killed in each state of a build: nothing is lost, whatever the database."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dying_worker import PHASES, STATES

from hubkiln.builds.events import ENDS, Entered, Phase
from hubkiln.builds.interface import BuildSettings
from hubkiln.builds.jobs import compose
from hubkiln.database.engine import database_at, sqlite_url
from hubkiln.testing.builds import BUILT, FakeBuilder
from postgresql import throw_away_postgresql

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("dying_worker.py")


@pytest.fixture(params=["sqlite", "postgresql"])
async def databases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """An empty database for each state."""
    if request.param == "sqlite":
        yield {state: sqlite_url(tmp_path / state) for state in STATES}
        return
    asyncpg = pytest.importorskip("asyncpg")
    with throw_away_postgresql() as server:
        connection = await asyncpg.connect(host=str(server.folder), user="kiln", database="postgres")
        for state in STATES:
            await connection.execute(f"CREATE DATABASE {state}")
        await connection.close()
        yield {state: server.url.replace("/postgres?", f"/{state}?") for state in STATES}


async def killed(url: str, state: str, two_at_once: asyncio.Semaphore) -> None:
    """A process took the build and died in this state."""
    async with two_at_once, asyncio.timeout(200):
        process = await asyncio.create_subprocess_exec(sys.executable, "-W", "error", str(PROGRAM), url, state)
        assert await process.wait() == -signal.SIGKILL


async def test_a_kill_in_each_state_loses_nothing(databases: dict[str, str]) -> None:
    """
    Who comes after builds what the dead one had begun: it has one end, one result, events without a gap, and its phases
    from the first again; what was recorded as ready is not built again.
    """
    two_at_once = asyncio.Semaphore(2)
    await asyncio.gather(*(killed(url, state, two_at_once) for state, url in databases.items()))
    for state, url in databases.items():
        builder = FakeBuilder([Entered(phase) for phase in PHASES])
        async with database_at(url) as database, asyncio.timeout(200):
            jobs = compose(builder, database, BuildSettings(beat_seconds=0.1, poll_seconds=0.05))
            await jobs.start()
            (record,) = await jobs.listing(None)
            told = [one async for one in jobs.follow(record.id)]
            record = await jobs.record(record.id)
            await jobs.stop()
        phases = [one.event.phase for one in told if isinstance(one.event, Entered)]
        assert [one.seq for one in told] == list(range(1, len(told) + 1)), state
        assert [phase for phase in phases if phase in ENDS] == [Phase.READY], state
        assert phases[-len(PHASES) - 1 :] == [*PHASES, Phase.READY], state
        assert (record.built, record.attempts) == (BUILT, 1 if state in ("queued", "written") else 2), state
        assert len(builder.requests) == (0 if state == "written" else 1), state
