"""The database file of a data folder, without SQLAlchemy: it is there at once, which a command that lasts half a
second notices.

A new file gets its tables from ``schema.sql``, which is what the migrations make; only an older file needs them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubkiln.database.interface import BUSY_MILLISECONDS, REVISION, check_writable, trouble

SCHEMA = Path(__file__).parent / "schema.sql"
"""Written by :mod:`hubkiln.database.schema`."""


class LocalDatabase:
    """See :class:`hubkiln.database.interface.Statements`; close it with :meth:`close`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._turn = connection, threading.Lock()

    async def value(self, sql: str, **values: str | datetime) -> Any:
        """See :class:`hubkiln.database.interface.Statements`."""
        row = await asyncio.to_thread(self._run, sql, values)
        return None if row is None else row[0]

    async def change(self, sql: str, **values: str | datetime) -> None:
        """See :class:`hubkiln.database.interface.Statements`."""
        await asyncio.to_thread(self._run, sql, values)

    def close(self) -> None:
        """Close the file, after the statement that runs."""
        with self._turn:
            self._connection.close()

    def _run(self, sql: str, values: dict[str, str | datetime]) -> tuple[Any, ...] | None:
        stored = {name: _stored(value) for name, value in values.items()}
        try:
            with self._turn:
                row: tuple[Any, ...] | None = self._connection.execute(sql, stored).fetchone()
                return row
        except sqlite3.Error as error:
            raise trouble(error) from error


async def open_local(path: Path) -> LocalDatabase:
    """
    Open the database file `path`, made or brought up to date where it must be.

    Raises:
        ServiceError: it cannot be reached or upgraded.
    """
    check_writable(path)
    connection = sqlite3.connect(path, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False)
    try:
        if not _ready(connection):
            await _upgrade(path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise trouble(error) from error
        raise
    return LocalDatabase(connection)


def _ready(connection: sqlite3.Connection) -> bool:
    """Whether the tables are the newest; those of a new file are made."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        _make(connection)
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return False
    return (REVISION,) in connection.execute("SELECT version_num FROM alembic_version")


def _make(connection: sqlite3.Connection) -> None:
    """All or nothing, and once if two processes begin together."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            for statement in SCHEMA.read_text().split(";"):
                connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


async def _upgrade(path: Path) -> None:
    from hubkiln.database.engine import open_database, sqlite_url  # loads SQLAlchemy and alembic, for this rare case

    await (await open_database(sqlite_url(path))).close()


def _stored(value: str | datetime) -> str:
    """A time as :class:`hubkiln.database.columns.Moment` writes it to SQLite."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
