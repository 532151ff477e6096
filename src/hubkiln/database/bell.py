"""Wakes whoever waits for a change, in every process of the service: memory within one, NOTIFY between several.

A ring says only that something of this name changed; what, the tables say. A ring can be lost with a connection, so
whoever waits also looks by itself now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hubkiln.database.connection import connected
from hubkiln.errors import ServiceError
from hubkiln.later import lasting

log = logging.getLogger(__name__)

CHANNEL = "hubkiln"
AGAIN_SECONDS = 1.0
"""Pause before a lost connection is made anew."""


class Bell:
    """Rings by name; :meth:`close` it before its engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._listening: asyncio.Task[None] | None = None
        self._between = engine.dialect.name == "postgresql"

    def next(self, name: str) -> asyncio.Event:
        """Is set at the next ring of `name`; take it before reading the tables, so that nothing falls between."""
        if self._between and self._listening is None:
            self._listening = asyncio.create_task(
                lasting("listen to the database", self._listen), name="listen to the database"
            )
        return self._waiting.setdefault(name, asyncio.Event())

    async def announce(self, connection: AsyncConnection, name: str) -> None:
        """Ring `name` in the other processes when the transaction of `connection` is committed."""
        if self._between:
            await connection.execute(text("SELECT pg_notify(:channel, :name)"), {"channel": CHANNEL, "name": name})

    def ring(self, name: str) -> None:
        """Wake whoever waits for `name` in this process."""
        if (event := self._waiting.pop(name, None)) is not None:
            event.set()

    async def close(self) -> None:
        """Stop listening and let everybody go."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        self._all()

    def _all(self) -> None:
        for name in list(self._waiting):
            self.ring(name)

    async def _listen(self) -> None:
        from asyncpg import InterfaceError, PostgresError  # what is asked of the driver itself, it answers itself

        while True:
            try:
                await self._listen_once()
            except (ServiceError, SQLAlchemyError, OSError, InterfaceError, PostgresError):
                log.warning("not listening to the database", extra={"action": "database_listen"})
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen_once(self) -> None:
        """Until the connection is lost."""
        over = asyncio.Event()
        async with connected(self._engine) as connection:
            raw = await connection.get_raw_connection()
            try:
                await raw.driver_connection.add_listener(CHANNEL, self._heard)  # type: ignore[union-attr]
                raw.driver_connection.add_termination_listener(_setting(over))  # type: ignore[union-attr]
                self._all()  # whatever happened before
                await over.wait()
            finally:
                await connection.invalidate()  # nobody else gets one that listens, or was lost

    def _heard(self, _connection: Any, _pid: int, _channel: str, name: str) -> None:
        self.ring(name)


def _setting(event: asyncio.Event) -> Callable[[object], None]:
    return lambda _connection: event.set()
