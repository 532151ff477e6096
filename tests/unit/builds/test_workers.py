"""Who lives and who is dead."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import timedelta

from hubkiln.builds.events import Phase
from hubkiln.builds.workers import Workers
from hubkiln.database.engine import Database
from hubkiln.processes import ProcessId
from hubkiln.testing.builds import FakeBuilder

from .conftest import REQUEST, Start, begun

LONG, NONE = timedelta(hours=1), timedelta(0)


async def test_a_live_neighbour_is_not_dead(database: Database) -> None:
    """A process of this machine that runs is alive even if it has not beaten for long."""
    neighbour, we = Workers(database, NONE), Workers(database, NONE)
    await neighbour.beat()
    await we.beat()
    assert await we.dead() == []


async def test_a_dead_neighbour_is_seen_at_once(database: Database) -> None:
    """A process of this machine that is gone is dead, however recently it beat."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
    gone, we = Workers(database, LONG, ProcessId.of(child.pid)), Workers(database, LONG)
    await gone.beat()
    assert await we.dead() == []
    await child.communicate(b"\n")
    assert await we.dead() == [gone.id]


async def test_a_reused_pid_is_another_process(database: Database) -> None:
    """The start time tells them apart."""
    earlier = Workers(database, LONG, ProcessId(os.getpid(), 1))
    await earlier.beat()
    assert await Workers(database, LONG).dead() == [earlier.id]


async def test_elsewhere_only_the_beat_counts(database: Database) -> None:
    """A process on another machine is dead when it has been silent for too long."""
    far = Workers(database, LONG, ProcessId(os.getpid(), 1), "elsewhere")
    await far.beat()
    assert await Workers(database, LONG).dead() == []
    assert await Workers(database, timedelta(seconds=-5)).dead() == [far.id]


async def test_builds_without_a_process_are_orphans(database: Database) -> None:
    """A build whose worker was never seen, or is forgotten, is found too."""
    await begun(database, "nobody")
    assert await Workers(database, LONG).dead() == ["nobody"]


async def test_a_second_service_does_no_harm(start: Start, database: Database) -> None:
    """Starting beside a live one leaves its builds running."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    await start(FakeBuilder())
    assert (await jobs.record(record.id)).state != Phase.INTERRUPTED


async def test_a_restart_closes_what_was_open(start: Start, database: Database) -> None:
    """Builds of a process that died are interrupted when the next one starts, and can be asked for again."""
    record = await begun(database, "dead")
    jobs = await start(FakeBuilder())
    found = await jobs.record(record.id)
    assert found.state == Phase.INTERRUPTED and found.error and found.error["code"] == "interrupted"
    _, joined = await jobs.submit(REQUEST, "ada")
    assert not joined


async def test_replicas_share_and_cancel(start: Start) -> None:
    """Of two services one runs the build; the other joins it, follows it and cancels it."""
    one, two = await start(FakeBuilder(held=True)), await start(FakeBuilder(held=True))
    record, _ = await one.submit(REQUEST, "ada")
    again, joined = await two.submit(REQUEST, "grace")
    assert joined and again.id == record.id

    async def last() -> str:
        return [told.event async for told in two.follow(record.id)][-1].phase.value  # type: ignore[union-attr]

    following = asyncio.create_task(last())
    await two.cancel(record.id, "ada")
    await two.cancel(record.id, "grace")
    assert await asyncio.wait_for(following, 5) == Phase.CANCELLED
