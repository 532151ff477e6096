"""What an environment was before: every image it had, and the way back to one."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import select, update

from hubkiln.database import Database, environment_images, environments_table
from hubkiln.environments.interface import Environment, Version, Visibility
from hubkiln.environments.places import identity_for
from hubkiln.environments.rows import first_name, found_by
from hubkiln.errors import NotFound
from hubkiln.keys import repository_key, spec_key
from hubkiln.values import Spec


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
                spec=Spec(**row.spec) if row.spec else None,
                bytes=row.bytes,
                packages=row.packages,
                gone=bool(row.gone),
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
        values: dict[str, Any] = {"image": image, "commit": version.commit, "plan": version.plan, "awaits": None}
        async with self._database.writing() as connection:
            if version.spec is not None:
                spec = _of(version, environment)
                identity = await identity_for(connection, environment.id, environment.owner, spec)
                named = environment.name != first_name(environment.spec)
                name = environment.name if named else first_name(spec)
                values |= {"spec": asdict(spec), "wants": spec_key(spec), "identity": identity, "name": name}
                if spec.reader:
                    values |= {"visibility": Visibility.PRIVATE.value, "shared_with": None}
                values["words"] = found_by(name, environment.description, spec, environment.owner)
            await connection.execute(
                update(environments_table)
                .where(environments_table.c.id == environment.id)
                .values(values | {"environment_key": key.scalar_subquery()})
            )


def _of(version: Version, environment: Environment) -> Spec:
    """What the environment is of with this version: an old commit of the same branch leaves the branch."""
    then, now = version.spec, environment.spec
    assert then is not None
    same_branch = repository_key(then) == repository_key(now) and then.ref == version.commit
    return replace(now, reader=then.reader) if same_branch else then
