"""What must stay on this machine because environments and locks name it; asked by those who collect the rest."""

from __future__ import annotations

from sqlalchemy import select

from hubkiln.database import Database, environment_images, environments_table, locks_table


async def saved_images(database: Database) -> list[tuple[str, str, str]]:
    """The image of each saved environment, its owner and its name; of a pinned one every image that it had."""
    table, images = environments_table.c, environment_images.c
    today = select(table.image, table.owner, table.name)
    earlier = select(images.image, table.owner, table.name).join(environments_table).where(table.pinned)
    async with database.reading() as connection:
        rows = await connection.execute(today.union(earlier))
        return [(row.image, row.owner, row.name) for row in rows]


async def locks_of_files(database: Database) -> list[tuple[str, str]]:
    """Each kept lock that names a file of this machine: the repository that uses it, and the lock's text."""
    table = locks_table.c
    query = select(table.repository, table.text).where(table.text.contains("file://"))
    async with database.reading() as connection:
        return [(row.repository, row.text) for row in await connection.execute(query)]
