"""How much of what is theirs users may have besides builds: starts of servers in a day, and what is stored for them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.journal import Clock
from hubkiln.builds.occasions import Concerned, InForce, held_at, in_force
from hubkiln.builds.quotas import DAY, check_day, day_of, reached, room_at
from hubkiln.database import Database, launches_table
from hubkiln.errors import LimitReached
from hubkiln.values import utc_now

LAUNCHING = 4861
"""Number of the lock that is held while a user's starts are counted."""

Stored = Callable[[str], Awaitable[int]]
"""How many bytes are stored for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a user has had of what is limited; a day is the last 24 hours."""

    builds: int
    build_seconds: float
    launches: int
    stored_bytes: int | None
    """None where nobody measures it, because it is not limited."""


async def _nothing(owner: str) -> int:
    return 0


class Limits:
    """Looks limits up, and counts what :mod:`hubkiln.builds.quotas` does not."""

    def __init__(
        self, database: Database, quotas: Quotas | None = None, stored: Stored | None = None, now: Clock = utc_now
    ) -> None:
        self._database, self._quotas, self._now = database, quotas or Quotas(), now
        self._stored = stored or _nothing

    async def of(self, whom: Concerned) -> InForce:
        """What holds now."""
        async with self._database.reading() as connection:
            return await self._in(connection, whom)

    async def _in(self, connection: AsyncConnection, whom: Concerned) -> InForce:
        return in_force(self._quotas, await held_at(connection, self._now()), whom)

    async def check_stored(self, whom: Concerned) -> None:
        """
        See whether one more may be kept for its owner.

        Raises:
            LimitReached: so much is kept already that they must remove something first.
        """
        limits = await self.of(whom)
        most = limits.quotas.user_stored_bytes
        if most is not None and (stored := await self._stored(whom.owner)) >= most:
            raise LimitReached(
                f"Your environments take {_size(stored)}; the limit is {_size(most)}{limits.why('user_stored_bytes')}.",
                hint="Delete one that you no longer need, or stop pinning it, on the page of your environments.",
            )

    async def check_builds(self, whom: Concerned) -> None:
        """
        See whether one more may be built for its owner today.

        Raises:
            LimitReached: not before some of the last 24 hours are over.
        """
        async with self._database.reading() as connection:
            await check_day(connection, await self._in(connection, whom), whom.owner, self._now())

    async def launch(self, whom: Concerned, id: str = "") -> None:
        """
        Count a start of a server, if it may begin; one of an `id` that is known has been counted.

        Raises:
            LimitReached: not before some of the last 24 hours are over.
        """
        table, now = launches_table.c, self._now()
        async with self._database.writing() as connection:
            await self._database.alone(connection, LAUNCHING)
            await connection.execute(delete(launches_table).where(~table.at.between(now - DAY, now + DAY)))
            known = select(table.id).where(table.id == id, table.owner == whom.owner)
            if id and (await connection.execute(known)).first() is not None:
                return
            limits = await self._in(connection, whom)
            if (most := limits.quotas.user_launches_daily) is not None:
                mine = select(table.at).where(table.owner == whom.owner).order_by(table.at)
                starts = (await connection.execute(mine)).scalars().all()
                if (count := len(starts)) >= most:
                    raise reached(
                        f"You have started {count} servers within 24 hours; the limit is {most}"
                        f"{limits.why('user_launches_daily')}.",
                        room_at(((at, 1) for at in starts), most) or limits.until("user_launches_daily"),
                        now,
                    )
            row = {"id": id or secrets.token_hex(8), "owner": whom.owner, "at": now}
            await connection.execute(insert(launches_table).values(row))

    async def used(self, whom: Concerned) -> Used:
        """What `whom` has had."""
        table, now = launches_table.c, self._now()
        of_today = table.at.between(now - DAY, now + DAY)
        count = select(func.count()).where(table.owner == whom.owner, of_today)
        async with self._database.reading() as connection:
            builds, seconds = await day_of(connection, whom.owner, now)
            launches = (await connection.execute(count)).scalar_one()
            limited = (await self._in(connection, whom)).quotas.user_stored_bytes is not None
        stored = await self._stored(whom.owner) if limited else None
        return Used(builds=builds, build_seconds=seconds, launches=launches, stored_bytes=stored)


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"
