"""Where a build's result belongs: to the environment that asked for it, else to the one of its repository."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import environments_table
from hubkiln.keys import digest, repository_key, spec_key
from hubkiln.values import Spec

_table = environments_table.c


async def place_of(connection: AsyncConnection, owner: str, spec: Spec) -> str | None:
    """Id of the owner's environment that what was built of `spec` belongs to; None if it is a new one's."""
    wanted, exact, general = _table.awaits, spec_key(spec), repository_key(spec)
    theirs = or_(wanted == exact, _table.identity.in_([exact, general]))
    rows = await connection.execute(
        select(_table.id, _table.awaits, _table.identity).where(_table.owner == owner, theirs).order_by(_table.id)
    )
    found = sorted(rows, key=lambda row: (row.awaits != exact, row.identity != exact))
    return found[0].id if found else None


async def identity_for(connection: AsyncConnection, id: str, owner: str, spec: Spec) -> str:
    """
    What the environment `id` is known by once it is of `spec`.

    That of the whole repository, unless another environment of the owner has it: then that of the one ref, or,
    where that is taken too, a name that nobody asks for. What is of the same repository and ref as before keeps its.
    """
    candidates = [repository_key(spec), spec_key(spec)]
    before = (await connection.execute(select(_table.identity, _table.wants).where(_table.id == id))).one()
    if before.identity in candidates or before.wants == spec_key(spec):
        return str(before.identity)
    query = select(_table.identity).where(_table.owner == owner, _table.identity.in_(candidates), _table.id != id)
    taken = set((await connection.execute(query)).scalars())
    return next((one for one in candidates if one not in taken), digest([id, *candidates]))
