"""Who lives and who is dead."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Entered, Log, Phase
from hubkiln.builds.interface import Record
from hubkiln.builds.journal import Happened, Hold, Journal
from hubkiln.builds.workers import Workers
from hubkiln.database import workers_table
from hubkiln.database.engine import Database
from hubkiln.processes import ProcessId
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.values import utc_now

from .conftest import QUICK, REQUEST, Start, begun, everything

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


async def test_a_neighbour_that_is_stopped_lives(database: Database) -> None:
    """A process of this machine that stands still, by SIGSTOP, keeps what it holds: it can go on at any moment."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
    stopped, we = Workers(database, NONE, ProcessId.of(child.pid)), Workers(database, NONE)
    await stopped.beat()
    child.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert await we.dead() == []
    child.send_signal(signal.SIGCONT)
    await child.communicate(b"\n")
    assert await we.dead() == [stopped.id]


async def test_a_reused_pid_is_another_process(database: Database) -> None:
    """The start time tells them apart."""
    earlier = Workers(database, LONG, ProcessId(os.getpid(), 1))
    await earlier.beat()
    assert await Workers(database, LONG).dead() == [earlier.id]


class Clock:
    """Our own clock, set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_elsewhere_only_the_beat_counts(database: Database) -> None:
    """A process on another machine is dead when its beat has not changed for too long while we looked."""
    clock = Clock()
    far = Workers(database, LONG, ProcessId(os.getpid(), 1), "elsewhere")
    we = Workers(database, timedelta(seconds=30), clock=clock)
    await far.beat()
    for seconds in (0, 9, 18, 27):
        clock.now = seconds
        assert await we.dead() == []
    await far.beat()
    for seconds in (36, 45, 54, 63):
        clock.now = seconds
        assert await we.dead() == []
    clock.now = 72
    assert await we.dead() == [far.id]


async def test_a_clock_that_was_set_kills_nobody(database: Database) -> None:
    """Beats of yesterday, or of tomorrow, are as good as any."""
    far = Workers(database, LONG, ProcessId(os.getpid(), 1), "elsewhere")
    await far.beat()
    async with database.writing() as connection:
        await connection.execute(workers_table.update().values(beat=utc_now() - timedelta(days=1)))
    assert await Workers(database, timedelta(seconds=1)).dead() == []


async def test_time_in_which_nobody_could_look_hardly_counts(database: Database) -> None:
    """When the database was away for an hour, the others get their chance to beat before they are taken for dead."""
    clock = Clock()
    far = Workers(database, LONG, ProcessId(os.getpid(), 1), "elsewhere")
    we = Workers(database, timedelta(seconds=30), clock=clock)
    await far.beat()
    await we.dead()
    clock.now = 3600
    assert await we.dead() == []


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


async def test_a_restart_takes_over(start: Start, database: Database) -> None:
    """Builds of a process that died are begun anew when the next one starts; the log says so and goes on."""
    record = await begun(database, "dead")
    half = (*SCRIPT[:3], Log("half of it\n"), Entered(Phase.PLANNING))
    changes = {"state": Phase.PLANNING.value}
    await Journal(database).append(record.id, Hold("dead", 1), [Happened(utc_now(), event) for event in half], changes)
    jobs = await start(FakeBuilder())
    told = await everything(jobs, record.id)
    assert told[-1].event == Entered(Phase.READY) and (await jobs.record(record.id)).attempts == 2
    log = (await jobs.log(record.id)).decode()
    assert log.startswith("half of it\n") and "begins anew" in log and log.endswith("numpy\x1b[0m\n")
    assert "".join(one.event.text for one in told if isinstance(one.event, Log)) == log


async def test_the_third_death_ends_it(start: Start, database: Database) -> None:
    """What killed three processes is given up, says so, and can be asked for again."""
    await begun(database, "w1")
    for worker in ("w1", "w2"):
        await Claims(database).give_back(worker)
        record = await Claims(database).claim(worker.replace("2", "3").replace("1", "2"))
    assert record is not None and record.attempts == 3
    jobs = await start(FakeBuilder(held=True))
    record = await jobs.record(record.id)
    assert record.state == Phase.INTERRUPTED and record.error and "3 processes" in record.error["message"]
    assert (await everything(jobs, record.id))[-1].event == Entered(Phase.INTERRUPTED)
    _, joined = await jobs.submit(REQUEST, "ada")
    assert not joined


async def test_a_stop_is_no_death(database: Database) -> None:
    """A service that is restarted often gives nothing up."""
    for _ in range(5):
        record = await begun(database, "w")
        await Claims(database).give_back("w", died=False)
    assert record.attempts == 1


async def test_what_was_cancelled_is_not_begun_anew(database: Database) -> None:
    """A process that died with a cancelled build leaves a cancelled build."""
    record = await begun(database, "w")
    journal = Journal(database)
    await journal.leave(record.id, "ada")
    await Claims(database).give_back("w")
    assert (await journal.record(record.id)).state == Phase.CANCELLED


async def test_a_result_of_whoever_was_taken_for_dead_is_nobodys(
    start: Start, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Stopped for a while and continued, a process hears of nobody that its result is ready: the build is another's."""
    told: list[str] = []

    async def ready(record: Record) -> None:
        told.append(record.built.image if record.built else "")

    late = FakeBuilder(built=replace(BUILT, image="late"), held=True, before=len(SCRIPT))
    jobs = await start(late, replace(QUICK, at_once=1), on_ready=[ready])
    record, _ = await jobs.submit(REQUEST, "ada")
    await late.until_started(1)
    await Claims(database).give_back(await held_by(database))
    other = Workers(database, LONG)
    await other.beat()
    assert await Claims(database).claim(other.id)
    with caplog.at_level("INFO"):
        late.release()
        await until(lambda: "build ended" in caplog.text)
    assert told == [] and (await Journal(database).record(record.id)).built is None
    assert await held_by(database) == other.id


async def test_who_begins_its_own_lost_build_anew_writes_it_once(start: Start, database: Database) -> None:
    """Cut off from the database until others took it for dead, and first to claim again: the old try ends unheard."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    async for one in jobs.follow(record.id):
        if one.event == Entered(Phase.FETCHING):
            break
    await Claims(database).give_back(await held_by(database))
    await builder.until_started(2)
    await until(lambda: builder.running == 1)
    builder.release()
    told = await everything(jobs, record.id)
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    phases = [one.event.phase for one in told if isinstance(one.event, Entered)]
    assert phases.count(Phase.READY) == 1 and phases.count(Phase.QUEUED) == 2
    assert (await jobs.log(record.id)).decode().count("numpy") == 1
    assert (await jobs.record(record.id)).attempts == 2


async def held_by(database: Database) -> str:
    """The worker of the only build."""
    return str(await database.value("SELECT worker FROM builds"))


async def until(true: Callable[[], bool]) -> None:
    """Let others go on until it is true."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


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
    assert await asyncio.wait_for(following, 60) == Phase.CANCELLED
