"""How much is stored for a user: what their saved environments' images take, each measured once and remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import func, select, update

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is kept for one user."""

    owner: str
    environments: int
    bytes: int
    """Of those images that somebody has looked at."""
    unknown: int
    """Images that nobody has looked at yet."""


async def held_by_users(database: Database, limit: int) -> list[Held]:
    """What is kept for users, the most first, as far as it has been measured; nothing is measured for it."""
    images, table = environment_images.c, environments_table.c
    kept = (images.image == table.image) | table.pinned
    each = select(table.owner, images.image, func.max(images.bytes).label("bytes")).join(environments_table)
    once = each.where(kept).group_by(table.owner, images.image).subquery()
    size = func.coalesce(func.sum(once.c.bytes), 0)
    sums = select(once.c.owner, size.label("bytes"), (func.count() - func.count(once.c.bytes)).label("unknown"))
    counts = select(table.owner, func.count().label("environments")).group_by(table.owner).subquery()
    summed = sums.group_by(once.c.owner).subquery()
    query = select(counts.c.owner, counts.c.environments, summed.c.bytes, summed.c.unknown)
    query = query.outerjoin(summed, summed.c.owner == counts.c.owner)
    most = func.coalesce(summed.c.bytes, 0).desc()
    async with database.reading() as connection:
        rows = await connection.execute(query.order_by(most, counts.c.owner).limit(limit))
        return [
            Held(owner=row.owner, environments=row.environments, bytes=int(row.bytes or 0), unknown=row.unknown or 0)
            for row in rows
        ]
