"""The threads of SQLite connections: aiosqlite has one for each, which tells the event loop what it did.

A connection that is given up while it opens, or by whoever is cancelled, ends its thread a moment later than anybody
waits for, and an event loop that is gone by then cannot be told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine


class Threads:
    """Those of the connections that an engine opens from now on."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._begun: list[Thread] = []

        @event.listens_for(engine.sync_engine, "do_connect")
        def do_connect(dialect: object, record: object, arguments: object, options: dict[str, Any]) -> None:
            options["async_creator_fn"] = self._open

    async def ended(self, seconds: float) -> None:
        """Wait until they have ended, at most so long."""
        await asyncio.gather(*(asyncio.to_thread(thread.join, seconds) for thread in self._alive()))

    def _open(self, path: str | Path, **options: Any) -> aiosqlite.Connection:
        connection = aiosqlite.connect(path, **options)
        thread = connection._thread
        thread.daemon = True  # as SQLAlchemy has them
        self._begun = [*self._alive(), thread]
        return connection

    def _alive(self) -> Iterator[Thread]:
        return (thread for thread in self._begun if thread.is_alive())
