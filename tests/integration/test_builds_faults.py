"""What becomes of builds when the database goes, a replica dies again and again, or everybody asks for one thing."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from replica_chaos import killed_repeatedly
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from web_process import TOKENS, running

from closed import closed, needs_flag
from hubkiln.builds.events import Entered, Log, Phase, Queued
from hubkiln.builds.interface import BuildRequest, BuildSettings, Told
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.builds.requests import Sources
from hubkiln.database.connection import connected
from hubkiln.database.engine import Database, database_at, open_database, sqlite_url
from hubkiln.errors import ServiceError
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.hub import FakeHub
from hubkiln.testing.sse import read
from hubkiln.values import Revision, Spec
from postgresql import Link, Server, throw_away_postgresql
from small_disk import fill, small_disk

asyncpg = pytest.importorskip("asyncpg")
pytestmark = pytest.mark.slow

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
QUICK = BuildSettings(flush_seconds=0.001, beat_seconds=0.2, poll_seconds=0.1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL that can be stopped."""
    with throw_away_postgresql() as server:
        yield server


@pytest_asyncio.fixture
async def databases(server: Server) -> AsyncIterator[list[Database]]:
    """Three openings of one database."""
    found = [await open_database(server.url) for _ in range(3)]
    yield found
    for database in found:
        await database.close()


def numbered(told: Sequence[Told]) -> bool:
    """Whether what belongs to the record came once and in order; a place in the queue has no number of its own."""
    found = [each.seq for each in told if not isinstance(each.event, Queued)]
    return found == list(range(1, len(found) + 1))


async def all_of(jobs: Jobs, id: str, phase: Phase = Phase.QUEUED, met: asyncio.Event | None = None) -> list[Told]:
    """Everything that is told until the end; `met` is set when `phase` was."""
    found: list[Told] = []
    async for told in jobs.follow(id):
        found.append(told)
        if met is not None and told.event == Entered(phase):
            met.set()
    return found


async def test_a_database_that_is_gone_for_a_while(server: Server, databases: list[Database]) -> None:
    """
    Builds and their followers in every replica outlast it, nothing is told twice or lost; requests are refused.

    It is back when each replica has said that it is gone; for ten seconds it is away with ``$HUBKILN_TEST_LONG``.
    """
    builder = FakeBuilder(held=True)
    replicas = [compose(builder, database, QUICK) for database in databases]
    for jobs in replicas:
        await jobs.start()
    record, _ = await replicas[0].submit(REQUEST, "ada")
    await builder.until_started(1)
    begun = [asyncio.Event() for _ in replicas]
    following = [
        asyncio.create_task(all_of(jobs, record.id, Phase.FETCHING, event))
        for jobs, event in zip(replicas, begun, strict=True)
    ]
    for event in begun:  # they have come to where the builder waits
        await event.wait()
    await asyncio.to_thread(server.stop)
    with pytest.raises(ServiceError):
        await replicas[1].submit(REQUEST, "grace")
    builder.release()
    async with asyncio.timeout(120):
        while not all(jobs.trouble for jobs in replicas):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(10 if "HUBKILN_TEST_LONG" in os.environ else 0)
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(120):
        told = await asyncio.gather(*following)
        assert (await all_of(replicas[2], (await replicas[1].submit(REQUEST, "grace"))[0].id))[-1].event
    for one in told:
        assert numbered(one) and one[-1].event == Entered(Phase.READY)
    found = await replicas[0].record(record.id)
    assert (found.state, found.attempts, found.built) == (Phase.READY, 1, BUILT)
    for jobs in replicas:
        await jobs.stop()


@contextmanager
def away(path: Path) -> Iterator[None]:
    """The file is elsewhere."""
    path.rename(elsewhere := path.with_name("away"))
    yield
    elsewhere.rename(path)


def without_writes(path: Path) -> AbstractContextManager[None]:
    """The file takes none for a while."""
    return closed(path, Path(f"{path}-wal"), opened=True)


@pytest.mark.parametrize("fault", [away, pytest.param(without_writes, marks=needs_flag)])
async def test_a_sqlite_file_that_is_of_no_use_for_a_while(
    tmp_path: Path, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    """As on a share that is away, or a disk that takes no writes: the same, and it goes on with the same file."""
    path, builder = tmp_path / "hubkiln.sqlite", FakeBuilder(held=True)
    async with database_at(sqlite_url(path)) as database, asyncio.timeout(120):
        jobs = compose(builder, database, QUICK)
        await jobs.start()
        record, _ = await jobs.submit(REQUEST, "ada")
        following = asyncio.create_task(all_of(jobs, record.id))
        await builder.until_started(1)
        with fault(path):
            with pytest.raises(ServiceError):
                await jobs.submit(REQUEST, "grace")
            builder.release()
            while not jobs.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        told = await following
        assert numbered(told) and told[-1].event == Entered(Phase.READY)
        assert (await jobs.record(record.id)).attempts == 1
        await jobs.stop()


@pytest.mark.timeout(600)
async def test_three_replicas_of_which_one_is_killed_again_and_again(server: Server) -> None:
    """Four times: no build is lost, doubled or another's, whichever replica took the request."""
    chaos = await killed_repeatedly(server.url, seconds=4, every=1, kills=4, builds=80)
    assert chaos.wrong == [] and chaos.kills >= 4
    assert chaos.states[Phase.READY] > 50 and max(chaos.attempts) > 1


async def test_a_crowd_that_asks_for_one_thing_gets_one_build(databases: list[Database]) -> None:
    """Whatever they call the commit, and whichever replica they ask."""
    looked: list[str] = []

    async def resolve(spec: Spec) -> Revision:
        looked.append(spec.ref)
        await asyncio.sleep(0.01)
        return Revision(spec=spec, commit="a" * 40, url="https://example.org/r", name="r")

    builder = FakeBuilder(held=True)
    replicas = [compose(builder, database, QUICK, sources=Sources(resolve=resolve)) for database in databases]
    for jobs in replicas:
        await jobs.start()
    line = asyncio.Semaphore(50)

    async def ask(number: int) -> str:
        ref = ("HEAD", "main", "a" * 40)[number % 3]
        request = BuildRequest(spec=Spec(provider="gh", repository="org/repo", ref=ref))
        async with line:
            return (await replicas[number % 3].submit(request, f"user{number % 50}"))[0].id

    ids = await asyncio.gather(*(ask(number) for number in range(300)))
    await builder.until_started(1)
    builder.release()
    assert len(set(ids)) == 1 and len(builder.requests) == 1 and len(looked) < 300
    record = await replicas[0].record(ids[0])
    assert len(record.users) == 50
    for jobs in replicas:
        await jobs.stop()


@asynccontextmanager
async def held_by_another(url: str, path: Path) -> AsyncIterator[None]:
    """Another program has all tables for itself."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as copier:
            copier.execute("BEGIN EXCLUSIVE")
            yield
            copier.execute("ROLLBACK")
        return
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await lock_all(connection)
            yield
    finally:
        await engine.dispose()


async def lock_all(connection: AsyncConnection) -> None:
    """All tables or none: with one in hand, waiting for another that is in use would be a deadlock."""
    async with asyncio.timeout(60):
        while True:
            try:
                await connection.execute(
                    text("LOCK TABLE builds, build_events, workers IN ACCESS EXCLUSIVE MODE NOWAIT")
                )
            except DBAPIError:
                await connection.rollback()
            else:
                return


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_tables_that_another_program_holds(server: Server, tmp_path: Path, kind: str) -> None:
    """Who copies the SQLite file, or mends a table, keeps writers out for seconds: they wait, nobody is refused or told
    twice."""
    path, builder = tmp_path / "hubkiln.sqlite", FakeBuilder(held=True)
    url = sqlite_url(path) if kind == "sqlite" else server.url
    async with database_at(url) as one, database_at(url) as other:
        replicas = [compose(builder, database, QUICK) for database in (one, other)]
        for jobs in replicas:
            await jobs.start()
        record, _ = await replicas[0].submit(REQUEST, "ada")
        following = [asyncio.create_task(all_of(jobs, record.id)) for jobs in replicas]
        await builder.until_started(1)
        async with held_by_another(url, path):
            builder.release()
            asking = asyncio.create_task(replicas[1].submit(replace(REQUEST, refresh=True), "grace"))
            done, _ = await asyncio.wait([asking, *following], timeout=1)
            assert not done
        async with asyncio.timeout(120):
            told = await asyncio.gather(*following)
            assert (await all_of(replicas[0], (await asking)[0].id))[-1].event == Entered(Phase.READY)
        for events in told:
            assert numbered(events)
            assert events[-1].event == Entered(Phase.READY)
        assert (await replicas[1].record(record.id)).attempts == 1
        for jobs in replicas:
            await jobs.stop()


@asynccontextmanager
async def only_read(server: Server) -> AsyncIterator[None]:
    """It takes no writes, as a standby does to which the address leads after a failover."""
    connection = await asyncpg.connect(host=str(server.folder), user="kiln", database="postgres")
    await connection.execute("SET default_transaction_read_only = off")
    for value in ("on", "off"):
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        await connection.execute("SELECT pg_reload_conf()")
        if value == "on":
            yield
    await connection.close()


@asynccontextmanager
async def no_room_for_more(server: Server) -> AsyncIterator[None]:
    """Others have all connections, and those of the service are gone."""
    others = []

    async def fill() -> None:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                others.append(await asyncpg.connect(host=str(server.folder), user="kiln", database="postgres"))

    await fill()
    mine = ", ".join(str(one.get_server_pid()) for one in others)
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    await others[0].execute(f"{ours} AND pid NOT IN ({mine})")
    await fill()
    yield
    for one in others:
        await one.close()


@pytest.mark.parametrize("fault", [only_read, no_room_for_more])
async def test_a_postgresql_that_is_there_and_no_use(
    server: Server, databases: list[Database], fault: Callable[[Server], AbstractAsyncContextManager[None]]
) -> None:
    """What runs outlasts it, requests are refused, and the service says that it is down; then all is as before."""
    builder = FakeBuilder(held=True)
    jobs = compose(builder, databases[0], QUICK)
    await jobs.start()
    record, _ = await jobs.submit(REQUEST, "ada")
    following = asyncio.create_task(all_of(jobs, record.id))
    await builder.until_started(1)
    async with asyncio.timeout(120):
        async with fault(server):
            while not jobs.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            with pytest.raises(ServiceError, match="at the moment"):
                await jobs.submit(replace(REQUEST, refresh=True), "grace")
            builder.release()
        told = await following
        while jobs.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await jobs.submit(replace(REQUEST, refresh=True), "grace")
    assert numbered(told) and told[-1].event == Entered(Phase.READY)
    assert (await jobs.record(record.id)).attempts == 1
    await jobs.stop()


async def test_who_was_refused_a_write_asks_the_address_anew(server: Server, databases: list[Database]) -> None:
    """A connection to what reads only is kept by nobody: after a failover the address leads to another server."""

    async def served(way: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> int:
        async with way() as connection:
            return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    before = await served(databases[0].reading)
    assert before == await served(databases[0].reading)
    async with only_read(server):
        with pytest.raises(ServiceError):
            while True:  # the server takes a moment to heed it
                async with databases[0].writing() as connection:
                    await connection.execute(text("DELETE FROM workers WHERE id = 'none'"))
    assert before != await served(databases[0].reading)


async def test_a_link_that_falls_silent(server: Server) -> None:
    """Nobody waits for an answer for ever, neither who has a connection nor who makes one; the kernel is told, too."""
    async with Link(server) as link, database_at(link.url) as database:
        async with database.reading() as connection:
            plug = (await connection.get_raw_connection()).driver_connection._transport.get_extra_info("socket")
            options = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE)
            assert [plug.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60_000, 30]
            engine = connection.engine
        link.silent = True
        for _ in range(2):  # the one in the pool, and a new one
            with pytest.raises(ServiceError, match="at the moment"):
                async with connected(engine, seconds=0.2):
                    pass
        link.silent = False
        assert await database.value("SELECT 1") == 1


async def test_notices_that_arrive_no_more(server: Server, databases: list[Database]) -> None:
    """Whoever waits looks by itself now and then: builds of another replica are begun, followed and cancelled."""
    async with Link(server) as link, database_at(link.url) as deaf:
        builder = FakeBuilder(held=True)
        asking, building = (
            compose(FakeBuilder(), databases[0], replace(QUICK, at_once=0)),
            compose(builder, deaf, QUICK),
        )
        await building.start()
        record, _ = await asking.submit(REQUEST, "ada")
        await builder.until_started(1)
        link.deaf = True
        following = asyncio.create_task(all_of(building, record.id))
        other, _ = await asking.submit(replace(REQUEST, refresh=True), "grace")
        async with asyncio.timeout(60):
            await builder.until_started(2)
            await asking.cancel(other.id, "grace")
            builder.release()
            assert (await following)[-1].event == Entered(Phase.READY)
        assert (await building.record(other.id)).state == Phase.CANCELLED
        await building.stop()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_disk_that_is_full_while_a_log_is_written(kind: str) -> None:
    """What was told is kept, and is in the log once and in order when there is room; meanwhile the service is down."""
    lines = [Log("".join(f"{n:07}\n" for n in range(start, start + 2000))) for start in range(0, 200_000, 2000)]
    with small_disk() as disk, ExitStack() as stack:
        server = stack.enter_context(throw_away_postgresql(disk)) if kind == "postgresql" else None
        database = await open_database(server.url if server else sqlite_url(disk / "hubkiln.sqlite"))
        builder = FakeBuilder([*SCRIPT[:5], *lines, *SCRIPT[5:]], held=True)
        jobs = compose(builder, database, QUICK)
        await jobs.start()
        record, _ = await jobs.submit(REQUEST, "ada")
        following = asyncio.create_task(all_of(jobs, record.id))
        await builder.until_started(1)
        filler = await asyncio.to_thread(fill, disk)
        builder.release()
        async with asyncio.timeout(120):
            while not jobs.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            filler.unlink()
            if server and not server.runs:  # it gives up where it cannot write what it did
                await asyncio.to_thread(server.start)
            told = await following
        assert numbered(told) and told[-1].event == Entered(Phase.READY)
        log = (await jobs.log(record.id)).decode()
        assert "".join(one.text for one in lines) in log and log.count("0000000\n") == 1
        await jobs.stop()
        await database.close()


async def test_a_hub_that_is_gone_while_something_is_built(tmp_path: Path) -> None:
    """Who follows a build follows it to its end; who asks anew is told to try again, and can when the Hub is back."""
    async with FakeHub(TOKENS) as hub, running(hub, sqlite_url(tmp_path / "hubkiln.sqlite"), "paced") as service:
        record = (await service.ask("POST", "api/builds", json={"spec": "org/repo"})).json()
        url, lines = f"{service.url}api/builds/{record['id']}/events", []
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
            client.stream("GET", url, headers={"Authorization": "Bearer ada"}) as answer,
        ):
            async for line in answer.aiter_lines():
                lines.append(line)
                if not hub.broken:
                    hub.broken = True
                    refused = await service.ask("POST", "api/builds", "grace", json={"spec": "org/other"})
        assert read("\n".join([*lines, ""])).events[-1]["build"]["phase"] == "ready"
        assert (refused.status_code, refused.json()["error"]["code"]) == (502, "unreachable")
        health = await service.ask("GET", "health")
        assert health.json()["status"] == "degraded", health.text
        hub.broken = False
        assert (await service.ask("POST", "api/builds", "grace", json={"spec": "org/other"})).status_code == 201
