"""Whose builds are: what is kept under a name, and how it is forgotten or gets another one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.codec import decode_request, encode_request
from hubkiln.builds.journal import Journal
from hubkiln.builds.occasions import OccasionKind
from hubkiln.builds.rules import RuleKind
from hubkiln.database import (
    Database,
    build_users,
    builds_table,
    launches_table,
    occasions_table,
    rules_table,
    schedules_table,
)
from hubkiln.errors import Conflict, NotFound

_FORGOTTEN = "forgotten/"
"""Beginning of the owner of a build that ends after its user is forgotten; no user and no service is called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What there is of a name."""

    builds: int = 0
    under_way: int = 0
    """Of these builds, those that have not ended."""
    schedules: int = 0
    """Which they made for the hub."""
    rules: int = 0
    """Rules and occasions that name them."""


async def owned(connection: AsyncConnection, user: str) -> Owned:
    """What there is of `user`."""
    mine = select(builds_table.c.id).join(build_users).where(build_users.c.user == user)
    going = mine.where(builds_table.c.finished.is_(None))
    schedules = select(schedules_table.c.id).where(schedules_table.c.author == user)
    rules = select(rules_table.c.id).where(rules_table.c.kind == RuleKind.USER.value, rules_table.c.pattern == user)
    occasions = select(occasions_table.c.id).where(
        occasions_table.c.kind == OccasionKind.USER.value, occasions_table.c.pattern == user
    )
    found = [
        (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        for query in (mine, going, schedules, rules, occasions)
    ]
    return Owned(builds=found[0], under_way=found[1], schedules=found[2], rules=found[3] + found[4])


async def leave_all(database: Database, user: str) -> None:
    """`user` no longer wants what is under way; what nobody else wants stops."""
    journal = Journal(database)
    going = select(builds_table.c.id).join(build_users)
    going = going.where(build_users.c.user == user, build_users.c.left.is_(False), builds_table.c.finished.is_(None))
    async with database.reading() as connection:
        ids = list((await connection.execute(going)).scalars())
    for id in ids:
        try:
            await journal.leave(id, user)
        except (Conflict, NotFound):  # it has ended, or they have left it, just now
            continue


async def forget_builds(connection: AsyncConnection, user: str) -> None:
    """
    Nothing is `user`'s any more: builds that others asked for too are these others', all else that has ended is gone.

    What is still being stopped is nobody's, and goes with its log.
    """
    builds, users = builds_table.c, build_users.c
    for id, owner, finished in await _builds(connection, user):
        others = select(users.user).where(users.build_id == id, users.user != user).order_by(users.joined, users.user)
        other = (await connection.execute(others.limit(1))).scalar()
        if other is None and finished is not None:
            await connection.execute(delete(builds_table).where(builds.id == id))
        elif other is None:
            await _call(connection, id, user, f"{_FORGOTTEN}{id}")
        else:
            await connection.execute(delete(build_users).where(users.build_id == id, users.user == user))
            if owner == user:
                await connection.execute(update(builds_table).where(builds.id == id).values(owner=other))
    await connection.execute(delete(launches_table).where(launches_table.c.owner == user))


async def rename_builds(connection: AsyncConnection, old: str, new: str) -> None:
    """Builds, starts and schedules of `old` are `new`'s, and what rules and occasions say of one they say of both."""
    for id, _, _ in await _builds(connection, old):
        await _call(connection, id, old, new)
    await connection.execute(update(launches_table).where(launches_table.c.owner == old).values(owner=new))
    await connection.execute(update(schedules_table).where(schedules_table.c.author == old).values(author=new))
    for table, kind in ((rules_table, RuleKind.USER.value), (occasions_table, OccasionKind.USER.value)):
        named = (table.c.kind == kind) & (table.c.pattern == old)
        await connection.execute(update(table).where(named).values(pattern=new))


async def _builds(connection: AsyncConnection, user: str) -> list[tuple[str, str, object]]:
    columns = builds_table.c
    query = select(columns.id, columns.owner, columns.finished).join(build_users).where(build_users.c.user == user)
    return [(row.id, row.owner, row.finished) for row in await connection.execute(query.order_by(columns.id))]


async def _call(connection: AsyncConnection, id: str, old: str, new: str) -> None:
    """In one build `old` is called `new`, who may have asked for it too."""
    builds, users = builds_table.c, build_users.c
    mine = (users.build_id == id) & (users.user == old)
    there = select(users.user).where(users.build_id == id, users.user == new)
    if (await connection.execute(there)).first() is None:
        await connection.execute(update(build_users).where(mine).values(user=new))
    else:
        await connection.execute(delete(build_users).where(mine))
    await connection.execute(update(builds_table).where(builds.id == id, builds.owner == old).values(owner=new))
    request = decode_request((await connection.execute(select(builds.request).where(builds.id == id))).scalar_one())
    if request.spec.reader == old:
        revision = request.revision and replace(request.revision, spec=replace(request.revision.spec, reader=new))
        read = replace(request, spec=replace(request.spec, reader=new), revision=revision)
        await connection.execute(update(builds_table).where(builds.id == id).values(request=encode_request(read)))
