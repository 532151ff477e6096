"""Whose environments are: how all of a user's are forgotten, or get another owner."""

from __future__ import annotations

from dataclasses import asdict, replace

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import environment_images, environments_table
from hubkiln.environments.rows import found_by
from hubkiln.keys import digest
from hubkiln.values import Spec

_table, _images = environments_table.c, environment_images.c


async def owned_environments(connection: AsyncConnection, user: str) -> int:
    """How many `user` has."""
    return (await connection.execute(select(func.count()).where(_table.owner == user))).scalar_one()


async def forget_environments(connection: AsyncConnection, user: str) -> None:
    """Forget all of `user`'s; copies that others made stay."""
    mine = select(_table.id).where(_table.owner == user)
    await connection.execute(delete(environment_images).where(_images.environment_id.in_(mine)))
    await connection.execute(delete(environments_table).where(_table.owner == user))


async def rename_environments(connection: AsyncConnection, old: str, new: str) -> None:
    """All of `old`'s are `new`'s; beside one that `new` has of the same repository they are like its copies."""
    taken = set((await connection.execute(select(_table.identity).where(_table.owner == new))).scalars())
    for row in (await connection.execute(select(environments_table).where(_table.owner == old))).all():
        spec = _read_by(Spec(**row.spec), old, new)
        values = {
            "owner": new,
            "identity": digest(["copy", row.id]) if row.identity in taken else row.identity,
            "spec": asdict(spec),
            "words": found_by(row.name, row.description, spec, new),
        }
        await connection.execute(update(environments_table).where(_table.id == row.id).values(values))
        images = select(_images.image, _images.spec).where(_images.environment_id == row.id, _images.spec.is_not(None))
        for image in (await connection.execute(images)).all():
            same = (_images.environment_id == row.id) & (_images.image == image.image)
            spec = _read_by(Spec(**image.spec), old, new)
            await connection.execute(update(environment_images).where(same).values(spec=asdict(spec)))


def _read_by(spec: Spec, old: str, new: str) -> Spec:
    return replace(spec, reader=new) if spec.reader == old else spec
