"""What is done to each connection when it is made, so that nobody waits long for a database that is silent, or keeps
to one that cannot be written any more.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hubkiln.database.interface import BUSY_MILLISECONDS, trouble
from hubkiln.errors import ServiceError

CONNECT_SECONDS = 15.0
"""How long whoever wants PostgreSQL waits for a connection that answers."""

SILENT_SECONDS = 60
"""How long PostgreSQL's machine may acknowledge nothing: one that vanished without a word says nothing else."""

READ_ONLY = "25006"
"""What PostgreSQL says to whoever writes to a server that only reads."""


@asynccontextmanager
async def connected(engine: AsyncEngine, seconds: float = CONNECT_SECONDS) -> AsyncIterator[AsyncConnection]:
    """
    A connection that answers; given back at the end.

    Raises:
        ServiceError: none did for so many `seconds`.
    """
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(None if engine.dialect.name == "sqlite" else seconds):
                connection = await stack.enter_async_context(engine.connect())
        except TimeoutError as error:
            raise trouble(error) from error
        yield connection


def prepare_postgresql(engine: AsyncEngine) -> None:
    """Notice silence, and look anew where the address leads once what is there takes no writes any more."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: DBAPIConnection, _record: object) -> None:
        transport = connection.driver_connection._transport
        plug = transport.get_extra_info("socket")
        if plug is None or plug.family not in (socket.AF_INET, socket.AF_INET6):
            return
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _WATCHED.items():
            plug.setsockopt(socket.IPPROTO_TCP, option, value)

    @event.listens_for(engine.sync_engine, "handle_error")
    def handle_error(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True  # a replica took over, and this one is no good any more


_WATCHED = {
    socket.TCP_KEEPIDLE: SILENT_SECONDS // 2,
    socket.TCP_KEEPINTVL: SILENT_SECONDS // 6,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: SILENT_SECONDS * 1000,
}


def prepare_sqlite(engine: AsyncEngine) -> None:
    """Write-ahead log, patience, and transactions that begin when we say so, as SQLAlchemy's manual advises."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "invalidate")
    def invalidate(connection: DBAPIConnection, _record: object, _error: object) -> None:
        # whoever is cancelled leaves an unfinished statement, and SQLite keeps a closed file's lock until that is gone
        connection.rollback()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("hubkiln_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


class FoundFile:
    """The SQLite file at `path`, as long as it is the one that was opened."""

    def __init__(self, path: Path) -> None:
        self._path, self._found = path, _identity(path)

    def check(self) -> None:
        """
        Raises:
            ServiceError: another lies there, or none: what is written to the one that is open would be lost.
        """
        if _identity(self._path) != self._found:
            raise ServiceError(
                "The file of the build records was replaced or removed while the service ran.",
                hint="Ask the admin to restart the service.",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
