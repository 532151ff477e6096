"""Opens the database: SQLite made safe for several writers, PostgreSQL as it is, migrations run first.

Two ways in: :meth:`Database.writing` holds the write lock from its first statement (so a transaction never fails
half way because somebody else wrote), :meth:`Database.reading` never waits for a writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hubkiln.database.bell import Bell
from hubkiln.database.changes import Changes
from hubkiln.database.columns import Moment
from hubkiln.database.connection import FoundFile, connected, prepare_postgresql, prepare_sqlite
from hubkiln.database.interface import REVISION, check_writable, patiently, trouble
from hubkiln.database.threads import Threads
from hubkiln.errors import BadSpec, ServiceError

CLOSE_SECONDS = 5.0
"""How long :meth:`Database.close` waits for those who use it."""

UPGRADING = 4857
"""Number of PostgreSQL's advisory lock that one replica holds while it upgrades."""


def database_url(address: str) -> str:
    """
    `address` as an admin writes it, ``postgresql://user@host/name``, as :func:`open_database` takes it.

    Raises:
        BadSpec: it is no such address, or the driver is not installed.
    """
    try:
        parsed = make_url(address)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres", "sqlite"):
        raise BadSpec(  # without the address, which may hold a password
            "The database's address is not one of PostgreSQL.", hint="Write it like postgresql://user@host/name."
        )
    if parsed.get_backend_name() == "sqlite":
        return sqlite_url(Path(parsed.database or ""))
    if find_spec("asyncpg") is None:
        raise BadSpec(
            "PostgreSQL's driver is not installed.", hint='Install it with pip install "hubkiln[postgresql]".'
        )
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """An engine, the `threads` of what it opened before, and the two ways to use it; close it with :meth:`close`."""

    def __init__(self, engine: AsyncEngine, threads: Threads | None = None, file: FoundFile | None = None) -> None:
        self._engine, self._file = engine, file
        self.bell = Bell(engine)
        lite = engine.dialect.name == "sqlite"
        self._threads = threads or (Threads(engine) if lite else None)
        self.changes = Changes(Path(engine.url.database) if lite and engine.url.database else None)
        # SQLite takes one writer at a time and lets the others poll; in one process they can wait in line instead
        self._line = asyncio.Lock() if lite else nullcontext()
        self._users, self._idle = 0, asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def writing(self, *names: str) -> AsyncIterator[AsyncConnection]:
        """
        A transaction that may write; committed at the end, rolled back by an exception.

        Whoever waits for one of `names` at the bell wakes when it is committed.
        """
        with translated(), self._in_use():
            async with self._line, self._connected() as connection, connection.begin():
                yield connection
                for name in names:
                    await self.bell.announce(connection, name)
        for name in names:
            self.bell.ring(name)

    async def alone(self, connection: AsyncConnection, number: int) -> None:
        """Hold the lock `number` until the transaction of `connection` ends; SQLite's writers are alone anyway."""
        if self._engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads: one consistent view."""
        with translated(), self._in_use():
            async with self._connected() as connection:
                await connection.execution_options(hubkiln_reading=True)
                yield connection

    async def value(self, sql: str, **values: str | datetime) -> Any:
        """See :class:`hubkiln.database.interface.Statements`."""

        async def run() -> Any:
            async with self.reading() as connection:
                return (await connection.execute(statement(sql, values))).scalar()

        return await patiently(run)

    async def change(self, sql: str, **values: str | datetime) -> None:
        """See :class:`hubkiln.database.interface.Statements`."""

        async def run() -> None:
            async with self.writing() as connection:
                await connection.execute(statement(sql, values))

        await patiently(run)

    async def close(self) -> None:
        """
        Close every connection.

        Those who were cancelled a moment ago give theirs back first: the engine closes only what is not in use, and a
        connection that stays open keeps its thread, and with it the process. Then no thread tells the event loop more.
        """
        await self.bell.close()
        self.changes.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._idle.wait()
        await self._engine.dispose()
        if self._threads is not None:
            await self._threads.ended(CLOSE_SECONDS)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        if self._file is not None:
            self._file.check()
        async with connected(self._engine) as connection:
            yield connection

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._users += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._idle.set()


def statement(sql: str, values: Mapping[str, str | datetime]) -> TextClause:
    """`sql` with its values, times as our columns keep them."""
    types = {name: Moment() if isinstance(value, datetime) else None for name, value in values.items()}
    return text(sql).bindparams(*(bindparam(name, value, type_=types[name]) for name, value in values.items()))


class translated:
    """Turns a database that is full, locked or gone into an error of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(
            error, TimeoutError
        ):  # what a driver that cannot connect raises
            raise trouble(error) from error
        if isinstance(error, NoConnectionFree):
            raise trouble(error) from error
        if not isinstance(error, DBAPIError) or type(error).__name__ == "IntegrityError":
            return
        raise trouble(error.orig) from error


async def open_database(url: str) -> Database:
    """
    Open the database at `url` (SQLAlchemy's form, asynchronous driver) and bring its tables up to date.

    Raises:
        ServiceError: it cannot be reached or upgraded.
    """
    parsed = make_url(url)
    lite = parsed.get_backend_name() == "sqlite"
    if lite:
        check_writable(Path(parsed.database or ""))
    options: dict[str, Any] = {} if lite else {"pool_pre_ping": True}
    engine = create_async_engine(parsed, **options)
    threads = Threads(engine) if lite else None
    prepare_sqlite(engine) if lite else prepare_postgresql(engine)
    try:
        with translated():
            async with connected(engine) as connection, connection.begin():
                if not lite:
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": UPGRADING})
                await connection.run_sync(upgrade)
    except BaseException as error:
        await asyncio.shield(engine.dispose())
        if isinstance(error.__cause__, OSError):
            raise ServiceError("The database does not answer.", hint="Check its address and that it runs.") from error
        raise
    return Database(engine, threads, FoundFile(Path(parsed.database)) if lite and parsed.database else None)


@asynccontextmanager
async def database_at(url: str) -> AsyncIterator[Database]:
    """The database at `url` as :func:`open_database` opens it; closed at the end."""
    database = await open_database(url)
    try:
        yield database
    finally:
        await database.close()


def upgrade(connection: Connection) -> None:
    """Run every migration that `connection`'s database has not had."""
    if _revision(connection) == REVISION:
        return  # alembic need not even be loaded
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if not inspect(connection).has_table("builds"):
            raise BadSpec(
                "The database of the build records is another program's.",
                hint="Give the build service one of its own; JupyterHub's is JupyterHub's alone.",
            ) from error
        raise ServiceError(
            "The build records were made by a newer version of Hubkiln.",
            hint="Install that version again, or a newer one.",
        ) from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found
