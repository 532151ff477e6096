"""The durable record of builds: what was asked, by whom, everything that was told, and how it ended.

A build's events are written by the one process that runs it (:mod:`hubkiln.builds.writer`) and read by anybody, at
any time, from any replica. How a request becomes a build is in :mod:`hubkiln.builds.queue`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.codec import encode
from hubkiln.builds.events import ENDS, Entered, Event, Log, Phase
from hubkiln.builds.interface import Record, Told
from hubkiln.builds.redaction import Redactor
from hubkiln.builds.rows import record_in, records_of, told_of
from hubkiln.database import Database, build_events, build_users, builds_table
from hubkiln.errors import Conflict, Interrupted, NotFound
from hubkiln.values import utc_now

Clock = Callable[[], datetime]

QUEUE = "queue"
"""Name of the bell that rings when a build came into the queue, or left it."""

STOPS = "stops"
"""Name of the bell that rings when a build that runs is wanted no more."""

CANCELLED = {"code": "cancelled", "message": "The build was cancelled.", "hint": "Start it again whenever you like."}


class LostBuild(Interrupted):
    """Another process took this one for dead, and its build with it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Who builds something at the moment."""

    worker: str
    attempt: int
    """Which try at the build: a worker may claim anew what it lost, while its earlier try still runs."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event on its way into the journal."""

    at: datetime
    event: Event


class Journal:
    """Reads and writes the tables of builds."""

    def __init__(self, database: Database, redactor: Redactor | None = None, now: Clock = utc_now) -> None:
        self._database = database
        self.redactor = redactor or Redactor()
        self.now = now

    async def record(self, id: str) -> Record:
        """
        Raises:
            NotFound: there is no such build.
        """
        async with self._database.reading() as connection:
            return _found(await record_in(connection, id))

    async def listing(self, user: str | None, limit: int = 50) -> list[Record]:
        """Builds that `user` asked for or joined, newest first; None for everybody's."""
        query = select(builds_table).order_by(builds_table.c.created.desc(), builds_table.c.id).limit(limit)
        if user is not None:
            query = query.join(build_users).where(build_users.c.user == user)
        async with self._database.reading() as connection:
            return await records_of(connection, await connection.execute(query))

    async def waiting(self, user: str) -> list[Record]:
        """Builds that `user` wants and nobody has begun."""
        mine = (build_users.c.user == user) & build_users.c.left.is_(False)
        query = select(builds_table).join(build_users).where(mine, builds_table.c.state == Phase.QUEUED.value)
        async with self._database.reading() as connection:
            return await records_of(connection, await connection.execute(query))

    async def events(self, id: str, after: int = 0, limit: int = 500) -> list[Told]:
        """At most `limit` events after number `after`, in order."""
        mine = (build_events.c.build_id == id) & (build_events.c.seq > after)
        query = select(build_events).where(mine).order_by(build_events.c.seq).limit(limit)
        async with self._database.reading() as connection:
            return [told_of(row) for row in await connection.execute(query)]

    async def newest(self, ids: Sequence[str]) -> dict[str, int]:
        """The number of the newest event of each of these builds, by its id."""
        query = select(builds_table.c.id, builds_table.c.last_seq).where(builds_table.c.id.in_(ids))
        async with self._database.reading() as connection:
            return {row.id: row.last_seq for row in await connection.execute(query)}

    async def log(self, id: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of the log from `start` up to, not including, `end` (None for all that is there)."""
        texts = (build_events.c.build_id == id) & (build_events.c.offset.is_not(None))
        first = (
            (select(build_events.c.offset).where(texts, build_events.c.offset <= start))
            .order_by(build_events.c.offset.desc())
            .limit(1)
        )
        query = select(build_events.c.offset, build_events.c.text).where(texts).order_by(build_events.c.offset)
        async with self._database.reading() as connection:
            begin = (await connection.execute(first)).scalar_one_or_none() or 0
            query = query.where(build_events.c.offset >= begin)
            if end is not None:
                query = query.where(build_events.c.offset < end)
            chunks = [row.text.encode() for row in await connection.execute(query)]
        return b"".join(chunks)[start - begin : None if end is None else max(0, end - begin)]

    async def leave(self, id: str, user: str, *, everybody: bool = False) -> Record:
        """
        `user` no longer wants the build (with `everybody`, nobody does); the last one's leaving asks it to stop.

        Raises:
            NotFound: there is no such build of this user; Conflict: it has ended, or they have left it before.
        """
        async with self._database.writing(bell_of(id), QUEUE, STOPS) as connection:
            record = _found(await record_in(connection, id, locked=True))
            if user not in record.users and not everybody:
                raise NotFound("There is no such build.")
            if record.ended:
                raise Conflict("The build has already ended.")
            if user in record.left and not everybody:
                raise Conflict(
                    "You have left this build already.", hint="It goes on for others. Ask for the same to join again."
                )
            leaving = build_users.c.build_id == id
            if not everybody:
                leaving &= build_users.c.user == user
            await connection.execute(update(build_users).where(leaving).values(left=True))
            record = _found(await record_in(connection, id))
            if not record.wanting:  # nobody may join it any more
                await self._stop(connection, record)
            return _found(await record_in(connection, id))

    async def _stop(self, connection: AsyncConnection, record: Record) -> None:
        """Ask whoever runs it to stop; what nobody runs has ended with that."""
        held = builds_table.c.worker.is_not(None) & (builds_table.c.id == record.id)
        stopped = update(builds_table).where(held).values(stop_asked=True, running_key=None)
        if not (await connection.execute(stopped)).rowcount:
            ended = {"state": Phase.CANCELLED.value, "running_key": None, "finished": self.now(), "error": CANCELLED}
            happened = [Happened(self.now(), Entered(Phase.CANCELLED))]
            await add_events(connection, record.id, happened, ended, record.log_bytes)

    async def forget_logs(self, seconds: float | None, most_bytes: int | None) -> int:
        """
        Remove the logs of builds that ended longer ago, and the oldest beyond so many bytes; returns how many.

        What else was told stays, with its numbers.
        """
        columns, kept, gone = builds_table.c, 0, []
        oldest = None if seconds is None else self.now() - timedelta(seconds=seconds)
        ended = select(columns.id, columns.finished, columns.log_bytes).where(
            columns.finished.is_not(None), columns.log_bytes > 0
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(ended.order_by(columns.finished.desc(), columns.id))).all()
        for row in rows:
            kept += row.log_bytes
            if (oldest and row.finished < oldest) or (most_bytes is not None and kept > most_bytes):
                gone.append(row.id)
        for id in gone:  # each by itself, so that nobody waits long
            async with self._database.writing() as connection:
                theirs = (build_events.c.build_id == id) & (build_events.c.kind == "log")
                await connection.execute(delete(build_events).where(theirs))
                await connection.execute(update(builds_table).where(columns.id == id).values(log_bytes=0))
        return len(gone)

    async def stops_asked(self, worker: str) -> list[str]:
        """Running builds of `worker` that nobody wants any more."""
        query = select(builds_table.c.id).where(builds_table.c.worker == worker, builds_table.c.stop_asked)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def holds(self, id: str, hold: Hold) -> bool:
        """Whether the build is still `hold`'s."""
        async with self._database.reading() as connection:
            return (await connection.execute(select(builds_table.c.id).where(_held(id, hold)))).first() is not None

    async def append(
        self, id: str, hold: Hold, happened: Sequence[Happened], changes: Mapping[str, Any], log_bytes: int = 0
    ) -> list[Told]:
        """
        Write events and the record's changes together; the events come back numbered.

        `log_bytes` is the length of the log before them.

        Raises:
            LostBuild: the build is not `hold`'s any more.
        """
        values = dict(changes)
        state = values.get("state")
        if state in ENDS:
            values |= {"running_key": None, "worker": None}
        elif state == Phase.QUEUED:
            values = {"attempts": builds_table.c.attempts - 1} | values | {"worker": None}
        names = [bell_of(id), *([QUEUE] if "state" in values else [])]
        async with self._database.writing(*names) as connection:
            return await add_events(connection, id, happened, values, log_bytes, hold)


async def add_events(
    connection: AsyncConnection,
    id: str,
    happened: Sequence[Happened],
    changes: Mapping[str, Any],
    log_bytes: int,
    hold: Hold | None = None,
) -> list[Told]:
    """
    Write events, numbered, and the record's changes; the caller has locked the build, or says whose it must be.

    Raises:
        LostBuild: it is not.
    """
    mine = builds_table.c.id == id if hold is None else _held(id, hold)
    texts = [one.event.text if isinstance(one.event, Log) else "" for one in happened]
    lengths = [len(text.encode()) for text in texts]
    values = {**changes, "last_seq": builds_table.c.last_seq + len(happened), "log_bytes": log_bytes + sum(lengths)}
    done = await connection.execute(update(builds_table).where(mine).values(values).returning(builds_table.c.last_seq))
    if (last := done.scalar_one_or_none()) is None:
        raise LostBuild()
    offsets = [log_bytes + sum(lengths[:number]) for number in range(len(lengths))]
    numbered = list(zip(range(last - len(happened) + 1, last + 1), happened, offsets, strict=True))
    rows = [event_row(id, seq, one, offset) for seq, one, offset in numbered]
    if rows:
        await connection.execute(insert(build_events), rows)
    return [
        Told(seq=seq, at=one.at, event=one.event, offset=row["offset"])
        for (seq, one, _), row in zip(numbered, rows, strict=True)
    ]


def _held(id: str, hold: Hold) -> ColumnElement[bool]:
    columns = builds_table.c
    return (columns.id == id) & (columns.worker == hold.worker) & (columns.attempts == hold.attempt)


def bell_of(id: str) -> str:
    """Name of the bell that rings when there is news of a build."""
    return f"build {id}"


def _found(record: Record | None) -> Record:
    if record is None:
        raise NotFound("There is no such build.")
    return record


def event_row(id: str, seq: int, happened: Happened, offset: int) -> dict[str, Any]:
    """A row of ``build_events``; `offset` is the length of the log before it."""
    kind, data = encode(happened.event)
    row = {"build_id": id, "seq": seq, "at": happened.at, "kind": kind, "data": data, "text": None, "offset": None}
    if isinstance(happened.event, Log):
        row |= {"data": None, "text": happened.event.text, "offset": offset}
    return row
