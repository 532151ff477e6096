"""Who builds what: a worker claims the next build that waits, and gives it back when it stops or dies.

Claims are made one at a time, whatever process they come from, so that what runs is counted right: on SQLite by the
write lock, on PostgreSQL by a lock of our own; there, a row that somebody else holds at the moment is passed over.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.events import ENDS, Entered, Event, Log, Phase
from hubkiln.builds.fairness import Waiting, in_turn
from hubkiln.builds.interface import DIED_HINT, Record
from hubkiln.builds.journal import CANCELLED, QUEUE, Clock, Happened, add_events, bell_of
from hubkiln.builds.occasions import held_at, in_force
from hubkiln.builds.quotas import Busy, allow, concerned
from hubkiln.builds.recorded import STOPPED
from hubkiln.builds.rows import record_in
from hubkiln.builds.together import Together
from hubkiln.database import Database, builds_table, workers_table
from hubkiln.errors import Interrupted
from hubkiln.values import utc_now

CLAIMING = 4858
"""Number of the lock that is held while a build is claimed."""

PLACES_SECONDS = 0.5
"""How long places are taken for known where no bell rings: between processes on SQLite."""

REMEMBERED = 20
"""Builds from which the length of the next is estimated."""

INTERRUPTED = {
    "code": Interrupted.code,
    "message": "The build was given up, because {times} processes that built it died.",
    "hint": DIED_HINT,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a build stands in the queue."""

    position: int
    """1 is next."""
    seconds: float | None
    """How long it may still wait, as builds before it went; None while there were none."""


class Claims:
    """Gives builds to workers; several objects on one database work together."""

    def __init__(
        self, database: Database, attempts: int = 3, now: Clock = utc_now, quotas: Quotas | None = None
    ) -> None:
        """`attempts`: deaths of workers after which a build is given up."""
        self._database, self._attempts, self._now = database, attempts, now
        self._quotas = quotas or Quotas()
        self._known: tuple[dict[str, Place], asyncio.Event, float] | None = None
        self._together = Together(self._places)

    async def claim(self, worker: str) -> Record | None:
        """The next build, from now on `worker`'s; None if nothing waits that may begin."""
        if not await self._something_waits():
            return None
        async with self._database.writing(QUEUE) as connection:
            await self._database.alone(connection, CLAIMING)
            busy = Busy.of(await _running(connection))
            occasions = await held_at(connection, self._now())
            for one in in_turn(await _waiting(connection), busy.owners):
                if not allow(in_force(self._quotas, occasions, concerned(one)).quotas, one, busy):
                    continue
                mine = (builds_table.c.id == one.id) & (builds_table.c.worker.is_(None))
                row = select(builds_table.c.id).where(mine).with_for_update(skip_locked=True)
                if (await connection.execute(row)).first() is None:
                    continue
                taken = {"worker": worker, "attempts": builds_table.c.attempts + 1}
                await connection.execute(update(builds_table).where(mine).values(taken))
                return await record_in(connection, one.id)
        return None

    async def give_back(self, worker: str, *, died: bool = True) -> list[str]:
        """
        End `worker`'s hold on its builds: they go back to the queue, or end where they are wanted no more, or where
        too many workers died of them. Returns their ids.
        """
        async with self._database.writing(QUEUE) as connection:
            theirs = select(builds_table).where(builds_table.c.worker == worker).with_for_update()
            rows = (await connection.execute(theirs)).all()
            for row in rows:
                await self._end_hold(connection, row, died)
        for row in rows:
            self._database.bell.ring(bell_of(row.id))
        return [row.id for row in rows]

    async def places(self) -> dict[str, Place]:
        """
        Where builds stand that wait for others, or for a limit; those that begin in a moment have no place.

        Asked of the database once per change, or twice a second, for however many ask.
        """
        if self._known is not None:
            places, changed, at = self._known
            if not changed.is_set() and time.monotonic() - at < PLACES_SECONDS:
                return places
        return await self._together.find(None)

    async def _places(self, key: None) -> dict[str, Place]:
        changed = self._database.bell.next(QUEUE)
        async with self._database.reading() as connection:
            waiting, busy = await _waiting(connection), Busy.of(await _running(connection))
            occasions = await held_at(connection, self._now())
            slots = (await connection.execute(select(func.sum(workers_table.c.slots)))).scalar_one() or 0
            each = await _seconds_each(connection) / max(slots, 1) if waiting else 0
        held = []
        for one in in_turn(waiting, busy.owners):
            quotas = in_force(self._quotas, occasions, concerned(one)).quotas
            if busy.owners.total() < slots and allow(quotas, one, busy):
                busy.add(one)
            else:
                held.append(one.id)
        places = {id: Place(position, round(each * position, 1) or None) for position, id in enumerate(held, 1)}
        self._known = places, changed, time.monotonic()
        return places

    async def _something_waits(self) -> bool:
        async with self._database.reading() as connection:
            return (await connection.execute(select(builds_table.c.id).where(_WAITS).limit(1))).first() is not None

    async def _end_hold(self, connection: AsyncConnection, row: Row[Any], died: bool) -> None:
        values: dict[str, Any] = {"worker": None}
        attempts = row.attempts if died else row.attempts - 1
        if row.stop_asked:
            phase, error = Phase.CANCELLED, CANCELLED
        elif attempts >= self._attempts:
            phase = Phase.INTERRUPTED
            error = INTERRUPTED | {"message": INTERRUPTED["message"].format(times=attempts)}
        else:
            phase, error = Phase.QUEUED, None
            values["attempts"] = attempts
        if phase in ENDS:
            values |= {"running_key": None, "finished": self._now(), "error": error}
        said = _WORDS[died] if phase is Phase.QUEUED else ""
        events: list[Event] = [Log(said)] if said else []
        if row.state != phase.value:
            events.append(Entered(phase))
        happened = [Happened(self._now(), event) for event in events]
        await add_events(connection, row.id, happened, {**values, "state": phase.value}, row.log_bytes)


_WORDS = {
    True: "\nThe process that built this died; another begins anew.\n",
    False: STOPPED,
}

_WAITS = (builds_table.c.state == Phase.QUEUED.value) & builds_table.c.worker.is_(None)


async def _waiting(connection: AsyncConnection) -> list[Waiting]:
    return await _those(connection, _WAITS)


async def _running(connection: AsyncConnection) -> list[Waiting]:
    return await _those(connection, builds_table.c.worker.is_not(None))


async def _those(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Waiting]:
    names = ("id", "owner", "created", "priority", "provider", "repository", "groups")
    query = select(*(builds_table.c[name] for name in names)).where(which)
    return [
        Waiting(
            id=row.id,
            owner=row.owner,
            created=row.created,
            priority=row.priority,
            provider=row.provider or "",
            repository=row.repository or "",
            groups=tuple(row.groups or ()),
        )
        for row in await connection.execute(query)
    ]


async def _seconds_each(connection: AsyncConnection) -> float:
    """How long builds took lately; 0 while there were none."""
    ready = (builds_table.c.state == Phase.READY.value) & (builds_table.c.run_seconds > 0)
    last = select(builds_table.c.run_seconds).where(ready).order_by(builds_table.c.finished.desc()).limit(REMEMBERED)
    lengths = list((await connection.execute(last)).scalars())
    return sum(lengths) / len(lengths) if lengths else 0.0
