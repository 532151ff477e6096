"""The same file without SQLAlchemy: new, old, newer than us, broken, and opened by two at once."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hubkiln.database.engine import database_at, open_database, sqlite_url
from hubkiln.database.local import SCHEMA, open_local
from hubkiln.database.schema import made_by_migrations
from hubkiln.errors import BadSpec, DiskFull, ServiceError

LOCKS = "SELECT COUNT(*) FROM locks"
KEEP = "INSERT INTO locks VALUES (NULL, :n, '', '', '', '', '')"


async def test_a_new_file_is_what_the_migrations_make() -> None:
    """Whoever adds a migration writes ``schema.sql`` anew."""
    assert SCHEMA.read_text() == await made_by_migrations()


async def test_the_service_opens_what_the_command_line_made(tmp_path: Path) -> None:
    """No migration runs again, and records are there."""
    database = await open_local(tmp_path / "db")
    await database.change(KEEP, n="1")
    database.close()
    async with database_at(sqlite_url(tmp_path / "db")) as service:
        assert await service.value(LOCKS) == 1


async def test_an_older_file_is_brought_up_to_date(tmp_path: Path) -> None:
    """A file that no migration has touched gets its tables beside what it holds."""
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("CREATE TABLE other (id)")
    database = await open_local(tmp_path / "db")
    assert await database.value(LOCKS) == 0
    database.close()


async def test_a_file_of_a_newer_hubkiln_is_refused(tmp_path: Path) -> None:
    """We do not touch tables that we do not know."""
    database = await open_local(tmp_path / "db")
    await database.change("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(ServiceError, match="newer"):
        await open_local(tmp_path / "db")


async def test_a_command_beside_the_service_does_not_end_its_log_of_writes(tmp_path: Path) -> None:
    """
    The service opens its file twice; whoever comes and goes meanwhile is never the last.

    A process that opens and closes the file besides SQLite has no locks any more, and the next to leave removes the
    log: what is written afterwards is lost.
    """
    file = tmp_path / "db"
    beside = "import sys, sqlite3; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 1'); c.close()"
    first = await open_local(file)
    async with database_at(sqlite_url(file)) as service:
        await service.change(KEEP, n="1")
        assert await (await asyncio.create_subprocess_exec(sys.executable, "-c", beside, file)).wait() == 0
        await service.change(KEEP, n="2")
        await first.change(KEEP, n="3")
        with closing(sqlite3.connect(file)) as third:
            assert third.execute(LOCKS).fetchone() == (3,)
    first.close()


@pytest.mark.parametrize("where", ["", "missing/db"])
async def test_where_no_file_can_be_is_said(tmp_path: Path, where: str) -> None:
    """A folder of that name, and no folder to make it in."""
    with pytest.raises(ServiceError, match="cannot be kept in"):
        await open_local(tmp_path / where)


async def test_two_make_a_new_file_at_once(tmp_path: Path) -> None:
    """Both find it ready, and both write."""
    both = await asyncio.gather(*(open_local(tmp_path / "db") for _ in range(2)))
    await asyncio.gather(*(both[n % 2].change(KEEP, n=str(n)) for n in range(20)))
    assert await both[0].value(LOCKS) == 20
    for database in both:
        database.close()


async def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    """Said in a sentence, as is a folder that is not there."""
    (tmp_path / "db").write_bytes(b"something else, and long enough to be looked at" * 50)
    for path in (tmp_path / "db", tmp_path / "no" / "folder"):
        with pytest.raises(ServiceError):
            await open_local(path)


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """It is told apart from other trouble."""
    database = await open_local(tmp_path / "db")
    await database.change("PRAGMA max_page_count = 1")
    with pytest.raises(DiskFull):
        await database.change(KEEP, n="x" * 1_000_000)
    with pytest.raises(ServiceError):
        await database.value("SELECT nothing FROM nowhere")
    database.close()


async def test_a_database_of_another_program_is_left_to_it(tmp_path: Path) -> None:
    """JupyterHub's names its migrations in a table of the same name: that is no later Hubkiln's."""
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.executescript(
            "CREATE TABLE users (id); CREATE TABLE alembic_version (version_num);"
            "INSERT INTO alembic_version VALUES ('f460b0348206')"
        )
    for opens in (open_local(tmp_path / "db"), open_database(sqlite_url(tmp_path / "db"))):
        with pytest.raises(BadSpec, match="of the build records is another program"):
            await opens
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert names == {"users", "alembic_version"}
