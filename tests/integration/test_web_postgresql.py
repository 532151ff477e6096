"""The same promises on PostgreSQL, where replicas really write at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from collecting_yard import Yard, pass_hours
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from test_collecting import index, yard

from hubkiln.builds.events import Entered, Log, Phase
from hubkiln.builds.interface import BuildRequest, BuildSettings, Built
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.builds.requests import Sources
from hubkiln.builds.rules import RuleKind
from hubkiln.database.engine import Database, open_database
from hubkiln.database.tables import metadata
from hubkiln.environments.catalogue import Catalogue
from hubkiln.environments.interface import Saved
from hubkiln.environments.lock_book import StoredLocks
from hubkiln.errors import BadSpec, NotFound
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.values import Revision, Spec
from hubkiln.web.environments import Saving, saving
from postgresql import throw_away_server

pytest.importorskip("asyncpg")

__all__ = ["index", "yard"]

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
QUICK = BuildSettings(flush_seconds=0.001, beat_seconds=0.05, poll_seconds=0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a PostgreSQL."""
    with throw_away_server() as url:
        yield url


@pytest_asyncio.fixture
async def databases(server: str) -> AsyncIterator[list[Database]]:
    """Three replicas that open the same empty database at the same time."""
    found = await asyncio.gather(*(open_database(server) for _ in range(3)))
    yield found
    async with found[0].writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
    for database in found:
        await database.close()


@pytest_asyncio.fixture
async def replicas(databases: list[Database]) -> AsyncIterator[list[Jobs]]:
    """Three services; builds of the first are held."""
    jobs = [compose(FakeBuilder(held=True), database, QUICK) for database in databases]
    for one in jobs:
        await one.start()
    yield jobs
    for one in jobs:
        await one.stop()


async def test_the_migrations_make_the_tables(databases: list[Database]) -> None:
    """Several replicas may start at once; afterwards nothing differs."""
    async with databases[0].reading() as connection:
        found = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert found == []


async def test_thirty_requests_on_three_replicas_make_one_build(replicas: list[Jobs]) -> None:
    """The unique column holds against real concurrency."""
    asked = await asyncio.gather(*(replicas[n % 3].submit(REQUEST, f"user{n}") for n in range(30)))
    assert len({record.id for record, _ in asked}) == 1
    assert sorted(joined for _, joined in asked) == [False] + [True] * 29
    assert len((await replicas[0].record(asked[0][0].id)).users) == 30


async def test_a_build_is_recorded_whole(databases: list[Database]) -> None:
    """Events, offsets, times and result come back as they went in; NUL is replaced."""
    script = [*SCRIPT[:-1], Log("é\0\u2028" * 100 + "\n"), SCRIPT[-1]]
    jobs = compose(FakeBuilder(script), databases[0], QUICK)
    await jobs.start()
    record, _ = await jobs.submit(REQUEST, "ada")
    told = [one async for one in jobs.follow(record.id)]
    record, log = await jobs.record(record.id), await jobs.log(record.id)
    await jobs.stop()
    assert told[-1].event == Entered(Phase.READY) and record.built == BUILT and record.log_bytes == len(log)
    assert b"\0" not in log and log[10:20] == await jobs.log(record.id, 10, 20)
    assert record.created.utcoffset() == timedelta(0)


async def test_another_replica_follows_and_cancels(replicas: list[Jobs]) -> None:
    """Followers elsewhere see every event, and the last cancellation stops the build wherever it runs."""
    record, _ = await replicas[0].submit(REQUEST, "ada")
    following = asyncio.create_task(_all(replicas[1], record.id))
    await replicas[2].cancel(record.id, "ada")
    events = await asyncio.wait_for(following, 60)
    assert events[-1] == Entered(Phase.CANCELLED) and events[0] == Entered(Phase.QUEUED)


async def _all(jobs: Jobs, id: str) -> list[object]:
    return [told.event async for told in jobs.follow(id)]


async def test_catalogue_and_locks(databases: list[Database]) -> None:
    """Saving the same from three replicas at once is saving it once; locks come back."""
    catalogues = [Catalogue(database) for database in databases]
    saved = Saved(owner="ada", spec=REQUEST.spec, commit="c", image="i:1", environment_key="k", plan="compose")
    again = [replace(saved, image=f"i:{n}") for n in range(9)]
    await asyncio.gather(*(catalogues[n % 3].save(one) for n, one in enumerate(again)))
    assert len((await catalogues[0].listing("ada"))[0]) == 1
    assert all([(await catalogues[1].known(one.image, "ada")).visible for one in again])
    locks = StoredLocks(databases[0])
    await locks.keep("recipe", "one", "text", "d")
    assert await StoredLocks(databases[1]).find("recipe", "two", timedelta(days=1)) == "text"


async def test_a_connection_lost_before_it_listens_is_made_anew(server: str, databases: list[Database]) -> None:
    """The driver's own error, which SQLAlchemy does not see, does not end the listening for good."""
    engine = create_async_engine(server)
    cut: list[object] = []

    @event.listens_for(engine.sync_engine, "checkout")
    def lose(connection: Any, *_: object) -> None:
        if not cut:
            cut.append(connection)
            connection.driver_connection.terminate()

    database = Database(engine)
    heard = database.bell.next("build")
    async with asyncio.timeout(60):
        await heard.wait()  # what every new connection does: something may have been missed
        heard = database.bell.next("build")
        async with databases[0].writing("build"):
            pass
        await heard.wait()
    await database.close()
    assert cut


async def test_what_is_saved_here_stays_when_a_machine_collects(
    server: str, databases: list[Database], yard: Yard
) -> None:
    """What is saved nowhere goes; who is not told where the records are removes nothing."""
    kept, gone = await yard.build("gh/ann/a"), await yard.build("gh/ann/b")
    saved = Saved(owner="ada", spec=REQUEST.spec, commit="c", image=kept.image, environment_key="k", plan="compose")
    await Catalogue(databases[0]).save(saved)
    pass_hours(yard.data)
    storage, everything = Storage(yard.data, server), CollectSettings(keep_seconds=0)
    storage.keep_database()
    with pytest.raises(BadSpec, match="records in a database of its own"):
        await Storage(yard.data).collect(everything)
    found, swept = await storage.collect(everything)
    assert swept.gone and 'saved by ada as "org/repo"' in {root.why for root in found.roots}
    yard.whole()
    assert yard.workshop.images.get(kept.image)
    with pytest.raises(NotFound):
        yard.workshop.images.get(gone.image)


async def test_what_one_replica_forgets_or_forbids_no_other_answers_with(databases: list[Database]) -> None:
    """Each tells a user what they have without a record; what another has changed holds from its next answer on."""

    async def resolve(spec: Spec) -> Revision:
        return Revision(spec=spec, commit=BUILT.commit, url="https://host.example/r", name="r")

    async def present(built: Built) -> bool:
        return True

    sources, catalogues = Sources(resolve=resolve, present=present), [Catalogue(one) for one in databases]
    both = [
        compose(FakeBuilder(), database, QUICK, [saving(catalogue)], sources, Saving(catalogue))
        for database, catalogue in zip(databases[:2], catalogues, strict=False)
    ]
    for jobs in both:
        await jobs.start()
    record, _ = await both[0].submit(REQUEST, "ada")
    assert [one.event async for one in both[0].follow(record.id)][-1] == Entered(Phase.READY)
    for jobs in both:
        assert await jobs.standing(REQUEST, "ada", {}) is None  # not before it was recorded
        assert (await jobs.submit(REQUEST, "ada"))[0].built == replace(BUILT, reused=True)
        assert await jobs.standing(REQUEST, "ada", {}) == BUILT
    ((saved,), _) = await catalogues[1].listing("ada")
    await catalogues[1].delete(saved.id, "ada")
    assert await both[0].standing(REQUEST, "ada", {}) is None
    await both[0].submit(REQUEST, "ada")
    assert await both[0].standing(REQUEST, "ada", {}) == BUILT
    await both[1].rules.add(RuleKind.USER, "ada", author="root")
    assert await both[0].standing(REQUEST, "ada", {}) is None
    for jobs in both:
        await jobs.stop()
