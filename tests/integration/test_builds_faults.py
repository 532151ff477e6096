"""What becomes of builds when the database goes, a replica dies again and again, or everybody asks for one thing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from replica_chaos import killed_repeatedly
from web_process import TOKENS, running

from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.interface import BuildRequest, BuildSettings, Told
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.builds.requests import Sources
from hubkiln.database.engine import Database, database_at, open_database, sqlite_url
from hubkiln.errors import ServiceError
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.hub import FakeHub
from hubkiln.testing.sse import read
from hubkiln.values import Revision, Spec
from postgresql import Server, throw_away_postgresql

pytest.importorskip("asyncpg")
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


async def all_of(jobs: Jobs, id: str, phase: Phase = Phase.QUEUED, met: asyncio.Event | None = None) -> list[Told]:
    """Everything that is told until the end; `met` is set when `phase` was."""
    found: list[Told] = []
    async for told in jobs.follow(id):
        found.append(told)
        if met is not None and told.event == Entered(phase):
            met.set()
    return found


async def test_a_database_that_is_gone_for_ten_seconds(server: Server, databases: list[Database]) -> None:
    """Builds and their followers in every replica outlast it, nothing is told twice or lost; requests are refused."""
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
    await asyncio.sleep(10)
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(120):
        told = await asyncio.gather(*following)
        assert (await all_of(replicas[2], (await replicas[1].submit(REQUEST, "grace"))[0].id))[-1].event
    for one in told:
        assert [each.seq for each in one] == list(range(1, len(one) + 1)) and one[-1].event == Entered(Phase.READY)
    found = await replicas[0].record(record.id)
    assert (found.state, found.attempts, found.built) == (Phase.READY, 1, BUILT)
    for jobs in replicas:
        await jobs.stop()


@pytest.mark.timeout(600)
async def test_three_replicas_of_which_one_is_killed_again_and_again(server: Server) -> None:
    """Four times: no build is lost, doubled or another's, whichever replica took the request."""
    chaos = await killed_repeatedly(server.url, seconds=15, every=3, kills=4, builds=80)
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


async def test_a_file_that_another_program_holds(tmp_path: Path) -> None:
    """Who copies the SQLite file keeps writers out for seconds: they wait, nobody is refused or told twice."""
    path, builder = tmp_path / "hubkiln.sqlite", FakeBuilder(held=True)
    async with database_at(sqlite_url(path)) as one, database_at(sqlite_url(path)) as other:
        replicas = [compose(builder, database, QUICK) for database in (one, other)]
        for jobs in replicas:
            await jobs.start()
        record, _ = await replicas[0].submit(REQUEST, "ada")
        following = [asyncio.create_task(all_of(jobs, record.id)) for jobs in replicas]
        await builder.until_started(1)
        with closing(sqlite3.connect(path, isolation_level=None)) as copier:
            copier.execute("BEGIN EXCLUSIVE")
            builder.release()
            asking = asyncio.create_task(replicas[1].submit(replace(REQUEST, refresh=True), "grace"))
            done, _ = await asyncio.wait([asking, *following], timeout=3)
            assert not done
            copier.execute("ROLLBACK")
        async with asyncio.timeout(120):
            told = await asyncio.gather(*following)
            assert (await all_of(replicas[0], (await asking)[0].id))[-1].event == Entered(Phase.READY)
        for events in told:
            assert [each.seq for each in events] == list(range(1, len(events) + 1))
            assert events[-1].event == Entered(Phase.READY)
        assert (await replicas[1].record(record.id)).attempts == 1
        for jobs in replicas:
            await jobs.stop()


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
