"""Webhooks that were heard already, so that none is heard twice, by whatever process of the service."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from hubkiln.builds.journal import Clock
from hubkiln.database import Database, deliveries_table
from hubkiln.values import utc_now

KEPT = timedelta(days=90)


class Deliveries:
    """The table of what was heard."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database, self._now = database, now

    async def known(self, digest: str) -> bool:
        """Whether one with this digest was heard."""
        query = select(deliveries_table.c.digest).where(deliveries_table.c.digest == digest)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None

    async def remember(self, digest: str) -> None:
        """It was heard; those of long ago are forgotten."""
        old = deliveries_table.c.heard < self._now() - KEPT
        with suppress(IntegrityError):  # another process heard the same in the same moment: both joined one build
            async with self._database.writing() as connection:
                await connection.execute(delete(deliveries_table).where(old))
                await connection.execute(insert(deliveries_table).values(digest=digest, heard=self._now()))
