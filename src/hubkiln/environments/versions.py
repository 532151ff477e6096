"""What an environment was before: every image it had, and the way back to one."""

from __future__ import annotations

from sqlalchemy import select, update

from hubkiln.database import Database, environment_images, environments_table
from hubkiln.environments.interface import Environment, Version
from hubkiln.errors import NotFound


class Versions:
    """Reads and chooses versions of saved environments; who may is the catalogue's to say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, environment: Environment) -> list[Version]:
        """All of them, newest first."""
        table = environment_images.c
        query = (
            select(environment_images)
            .where(table.environment_id == environment.id)
            .order_by(table.built.desc(), table.image)
        )
        async with self._database.reading() as connection:
            rows = list(await connection.execute(query))
        return [
            Version(
                image=row.image,
                commit=row.commit,
                plan=row.plan,
                lock_digest=row.lock_digest,
                built=row.built,
                current=row.image == environment.image,
            )
            for row in rows
        ]

    async def one(self, environment: Environment, image: str) -> Version:
        """
        The version with `image`; empty for today's.

        Raises:
            NotFound: it never had that.
        """
        for version in await self.of(environment):
            if version.current if not image else version.image == image:
                return version
        raise NotFound("This environment has no such version.")

    async def choose(self, environment: Environment, image: str) -> None:
        """
        Let servers start in `image` again.

        Raises:
            NotFound: it never had that.
        """
        version = await self.one(environment, image)
        table = environment_images.c
        key = select(table.environment_key).where(table.environment_id == environment.id, table.image == image)
        values = {"image": image, "commit": version.commit, "plan": version.plan}
        async with self._database.writing() as connection:
            await connection.execute(
                update(environments_table)
                .where(environments_table.c.id == environment.id)
                .values(values | {"environment_key": key.scalar_subquery()})
            )
