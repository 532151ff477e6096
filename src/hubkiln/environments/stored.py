"""How much is stored for a user: what their saved environments' images take, each measured once and remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import select, update

from hubkiln.database import Database, environment_images, environments_table

Measure = Callable[[str], Awaitable[int | None]]
"""Bytes of an image, as if it shared nothing with others; None where that cannot be told now."""


class StoredSize:
    """Adds up what users keep: today's image of each environment, and all that a pinned one had."""

    def __init__(self, database: Database, measure: Measure) -> None:
        self._database, self._measure = database, measure

    async def of(self, owner: str) -> int:
        """Bytes of what `owner` keeps; an image that two environments have counts once."""
        images, table = environment_images.c, environments_table.c
        kept = (images.image == table.image) | table.pinned
        query = select(images.image, images.bytes).join(environments_table).where(table.owner == owner, kept)
        async with self._database.reading() as connection:
            sizes = {row.image: row.bytes for row in await connection.execute(query)}
        for image, size in sizes.items():
            if size is None and (measured := await self._measure(image)) is not None:
                sizes[image] = measured
                async with self._database.writing() as connection:
                    same = update(environment_images).where(images.image == image)
                    await connection.execute(same.values(bytes=measured))
        return sum(size or 0 for size in sizes.values())
