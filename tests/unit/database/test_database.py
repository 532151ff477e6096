"""The tables are what the migrations make, and SQLite serves several writers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from closed import closed, needs_flag
from hubkiln.builds.interface import BuildRequest, Record
from hubkiln.builds.rows import record_in
from hubkiln.database.engine import Database, open_database, sqlite_url
from hubkiln.database.interface import REVISION
from hubkiln.database.local import open_local
from hubkiln.database.tables import metadata, workers
from hubkiln.database.threads import Threads
from hubkiln.errors import ServiceError
from hubkiln.values import Spec

OLD_BUILD = (
    """INSERT INTO builds (id, request, owner, state, created, log_bytes, last_seq, stop_asked) VALUES ('old',
    '{"spec"\\:{"provider"\\:"gh","repository"\\:"o/r","ref"\\:"HEAD","subdir"\\:""},"as_of"\\:"today"}',
    'ada', 'ready', '2026-01-02 03:04:05.000000', 0, 1, false)""",
    """INSERT INTO build_users (build_id, "user", joined, "left") VALUES
    ('old', 'ada', '2026-01-02 03:04:05.000000', false)""",
)
OLD = Record(
    id="old",
    request=BuildRequest(spec=Spec(provider="gh", repository="o/r")),
    owner="ada",
    state="ready",
    created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    last_seq=1,
)
MIGRATIONS = Path(__file__).parents[3] / "src/hubkiln/database/migrations"


async def test_the_migrations_in_turn_make_the_tables(tmp_path: Path) -> None:
    """Nothing differs between the migrated database and the tables in the code."""
    database = await open_database(sqlite_url(tmp_path / "db"))
    async with database.reading() as connection:
        found = await connection.run_sync(
            lambda c: compare_metadata(MigrationContext.configure(c, opts={"compare_server_default": True}), metadata)
        )
    await database.close()
    assert found == []


def test_the_code_knows_the_newest_migration() -> None:
    """The number that saves loading alembic is the last migration's, and there is one line of them."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_heads() == [REVISION]


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """Records survive."""
    url = sqlite_url(tmp_path / "db")
    moment = datetime(2024, 5, 31, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    for _ in range(2):
        database = await open_database(url)
        async with database.writing() as connection:
            if not (await connection.execute(select(workers))).all():
                row = {"id": "w", "place": "p", "pid": 1, "started": "s", "beat": moment}
                await connection.execute(insert(workers).values(row))
        async with database.reading() as connection:
            (found,) = (await connection.execute(select(workers.c.beat))).scalars()
        await database.close()
        assert found == moment and found.tzinfo is UTC


async def test_a_database_of_a_newer_service_is_refused(tmp_path: Path) -> None:
    """An older service does not touch tables it does not know."""
    url = sqlite_url(tmp_path / "db")
    database = await open_database(url)
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(ServiceError, match="newer"):
        await open_database(url)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Opening fails with an error of ours."""
    with pytest.raises(ServiceError):
        await open_database(sqlite_url(tmp_path / "no" / "such" / "folder" / "db"))


async def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Two openings of one file write at the same time without an error or a lost update."""
    url = sqlite_url(tmp_path / "db")
    both = [await open_database(url), await open_database(url)]
    async with both[0].writing() as connection:
        row = {"id": "w", "place": "p", "pid": 0, "started": "s", "beat": datetime.now(UTC)}
        await connection.execute(insert(workers).values(row))

    async def add(number: int) -> None:
        async with both[number % 2].writing() as connection:
            pid = (await connection.execute(select(workers.c.pid))).scalar_one()
            await connection.execute(workers.update().values(pid=pid + 1))

    await asyncio.gather(*(add(number) for number in range(20)))
    async with both[1].reading() as connection:
        assert (await connection.execute(select(workers.c.pid))).scalar_one() == 20
    for database in both:
        await database.close()


async def test_reading_sees_one_moment(tmp_path: Path) -> None:
    """A reader neither waits for a writer nor sees half of what it writes."""
    database = await open_database(sqlite_url(tmp_path / "db"))
    async with database.writing() as writer:
        row = {"id": "w", "place": "p", "pid": 0, "started": "s", "beat": datetime.now(UTC)}
        await writer.execute(insert(workers).values(row))
        async with asyncio.timeout(60), database.reading() as reader:
            assert (await reader.execute(select(workers))).all() == []
    await database.close()


@pytest.mark.parametrize("milliseconds", range(0, 30, 3))
async def test_a_writer_that_is_cancelled_holds_up_nobody(tmp_path: Path, milliseconds: int) -> None:
    """At whatever moment, what it had begun is undone at once, also while somebody still looks at the error."""
    database = await open_database(sqlite_url(tmp_path / "db"))
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    row = "INSERT INTO workers (id, place, pid, started, beat) SELECT i, 'p', 1, 's', '2024-05-31' FROM n"

    async def write() -> None:
        async with database.writing() as connection:
            await connection.execute(text(f"{many} {row} RETURNING id"))
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as cancelled:
        await asyncio.wait_for(write(), milliseconds / 1000)
    async with asyncio.timeout(10):
        await database.change("DELETE FROM workers WHERE id = 'none'")
    assert cancelled.value and await database.value("SELECT count(*) FROM workers") == 0
    await database.close()


@pytest.mark.slow
async def test_records_of_every_earlier_version_are_kept(tmp_path: Path) -> None:
    """A database that an earlier version made and filled is brought up to date with everything in it."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    earlier = [script.revision for script in scripts.walk_revisions() if script.revision != REVISION]
    for revision in earlier:
        url = sqlite_url(tmp_path / revision)
        await made_by(url, revision)
        database = await open_database(url)
        async with database.reading() as connection:
            found = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
            assert found == [] and (await connection.execute(text("SELECT id FROM builds"))).scalars().all() == ["old"]
            assert await record_in(connection, "old") == OLD
        await database.close()


async def made_by(url: str, revision: str) -> None:
    """A database as it was at `revision`, with a build in it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_async_engine(url)
    async with engine.begin() as connection:

        def build(given: Connection) -> None:
            config.attributes["connection"] = given
            command.upgrade(config, revision)

        await connection.run_sync(build)
        for statement in OLD_BUILD:
            await connection.execute(text(statement))
    await engine.dispose()


async def test_the_threads_of_connections_are_waited_for(tmp_path: Path) -> None:
    """Also that of one which was told to stop and has something to end first, as after a cancelled opening."""
    engine = create_async_engine(sqlite_url(tmp_path / "db"))
    threads, begun, go_on = Threads(engine), threading.Event(), threading.Event()

    def nap() -> int:
        begun.set()
        return int(go_on.wait(60))

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.create_function("nap", 0, nap)
        asking = asyncio.create_task(driver.execute("SELECT nap()"))
        await asyncio.to_thread(begun.wait)
        driver.stop()
        ended = asyncio.create_task(threads.ended(60))
        await asyncio.wait({ended}, timeout=0.05)
        assert not ended.done()
        go_on.set()
        await asyncio.gather(asking, ended)
        assert not driver._thread.is_alive()
        await connection.invalidate()
    await engine.dispose()


async def test_no_thread_outlives_a_database_that_is_closed(tmp_path: Path) -> None:
    """One would tell an event loop that is gone."""
    before = threading.enumerate()
    database = await open_database(sqlite_url(tmp_path / "db"))
    async with database.reading() as connection:
        await connection.execute(text("SELECT 1"))
        new = (thread for thread in threading.enumerate() if thread not in before)
        begun = [thread for thread in new if not thread.name.startswith("asyncio")]  # those are the loop's own
    assert begun
    await database.close()
    assert not [thread.name for thread in begun if thread.is_alive()]


async def test_whoever_finds_every_connection_taken_is_told_to_come_back(tmp_path: Path) -> None:
    """It is the service's trouble, which passes, and no bug."""
    engine = create_async_engine(sqlite_url(tmp_path / "db"), pool_size=1, max_overflow=0, pool_timeout=0.01)
    database = Database(engine)
    async with database.reading():
        with pytest.raises(ServiceError, match="at the moment"):
            async with database.reading():
                pass
    await database.close()


@needs_flag
@pytest.mark.parametrize("names", [["db-wal"], ["db", "db-wal"]])
async def test_a_file_that_takes_no_writes_for_a_while(tmp_path: Path, names: list[str]) -> None:
    """Whoever writes is told so, who reads is answered, and then all is as before, with nothing lost."""
    database = await open_database(sqlite_url(tmp_path / "db"))

    async def visit(address: str) -> None:
        await database.change("INSERT INTO visits VALUES (:address, 1, 1)", address=address)

    await visit("before")
    with closed(*(tmp_path / name for name in names), opened=True):
        with pytest.raises(ServiceError, match="takes no writes") as raised:
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO visits VALUES ('meanwhile', 1, 1)"))
        assert "admin" in raised.value.hint
        assert await database.value("SELECT count(*) FROM visits") == 1
    await visit("after")
    assert await database.value("SELECT count(*) FROM visits") == 2
    await database.close()


@pytest.mark.parametrize("way", ["file", "folder"])
@pytest.mark.parametrize("start", [open_database, open_local])
async def test_a_start_where_nothing_can_be_written(
    tmp_path: Path, way: str, start: Callable[[Any], Awaitable[Any]]
) -> None:
    """Says which file, and why, before anything is begun: SQLite needs room beside it, too."""
    path = tmp_path / "db"
    place: Any = sqlite_url(path) if start is open_database else path
    await (await open_database(sqlite_url(path))).close()
    with (
        closed(path if way == "file" else tmp_path),
        pytest.raises(ServiceError, match=f"kept in {path}: .*(denied|not permitted)"),
    ):
        await start(place)


@pytest.mark.parametrize("way", ["replaced", "removed"])
async def test_a_file_that_is_another_by_now_is_not_used(tmp_path: Path, way: str) -> None:
    """A backup that is laid back while the service runs: what were written to the old file would be lost."""
    database, copy = await open_database(sqlite_url(tmp_path / "db")), tmp_path / "copy"
    copy.write_bytes((tmp_path / "db").read_bytes())
    copy.replace(tmp_path / "db") if way == "replaced" else (tmp_path / "db").unlink()
    for use in (database.reading, database.writing):
        with pytest.raises(ServiceError, match="replaced or removed") as raised:
            async with use():
                pass
        assert "restart" in raised.value.hint
    await database.close()


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("way", ["reading", "writing"])
async def test_closing_waits_for_those_who_were_cancelled(tmp_path: Path, way: str, turns: int) -> None:
    """However far a transaction had come, its connection is given back before the engine closes what it has."""
    events = []

    async def use() -> None:
        try:
            async with database.reading() if way == "reading" else database.writing() as connection:
                await connection.execute(text("SELECT 1"))
        finally:
            events.append("given back")

    database = await open_database(sqlite_url(tmp_path / "db"))
    task = asyncio.create_task(use())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await database.close()
    events.append("closed")
    await asyncio.wait([task])
    assert events == ["given back", "closed"]


async def test_what_others_write_is_counted(tmp_path: Path) -> None:
    """The number is another after each commit, of this process or of another, and the same while nobody writes."""
    url = sqlite_url(tmp_path / "db.sqlite")
    one, other = await open_database(url), await open_database(url)
    first = one.changes.number()
    async with one.reading() as connection:
        await connection.execute(select(workers))
    assert one.changes.number() == first is not None
    seen: set[int | None] = {first}
    worker = {"place": "here", "pid": 1, "started": "1", "beat": datetime.now(UTC)}
    for database in (one, other, one):
        async with database.writing() as connection:
            await connection.execute(insert(workers).values(worker | {"id": str(len(seen))}))
        seen.add(one.changes.number())
    assert len(seen) == 4
    for database in (one, other):
        await database.close()
        assert database.changes.number() is None
