"""Rows of the journal's tables as records and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.codec import decode, decode_built, decode_request
from hubkiln.builds.events import Log
from hubkiln.builds.interface import Record, Told
from hubkiln.database import build_users, builds_table

AnyRow = Row[Any]


def record_of(row: AnyRow, users: Sequence[AnyRow]) -> Record:
    """The record of a row of ``builds`` and its rows of ``build_users``."""
    return Record(
        id=row.id,
        request=decode_request(row.request),
        owner=row.owner,
        state=row.state,
        created=row.created,
        started=row.started,
        finished=row.finished,
        commit=row.commit,
        plan=row.plan,
        why=tuple(row.why or ()),
        built=decode_built(row.built) if row.built else None,
        error=row.error,
        seconds=row.seconds or {},
        attempts=row.attempts,
        run_seconds=row.run_seconds,
        joined=tuple(user.user for user in users if user.user != row.owner),
        refs={user.user: user.ref for user in users if user.ref},
        resources={user.user: user.resources for user in users if user.resources},
        left=tuple(user.user for user in users if user.left),
        log_bytes=row.log_bytes,
        last_seq=row.last_seq,
    )


async def records_of(connection: AsyncConnection, rows: Iterable[AnyRow]) -> list[Record]:
    """The records of `rows`, in their order."""
    rows = list(rows)
    query = select(build_users).where(build_users.c.build_id.in_([row.id for row in rows]))
    users: dict[str, list[AnyRow]] = {row.id: [] for row in rows}
    for user in await connection.execute(query.order_by(build_users.c.joined, build_users.c.user)):
        users[user.build_id].append(user)
    return [record_of(row, users[row.id]) for row in rows]


async def record_in(connection: AsyncConnection, id: str, *, locked: bool = False) -> Record | None:
    """The record of one build; with `locked` nobody else changes it before this transaction ends."""
    query = select(builds_table).where(builds_table.c.id == id)
    row = (await connection.execute(query.with_for_update() if locked else query)).one_or_none()
    return (await records_of(connection, [row]))[0] if row else None


def told_of(row: AnyRow) -> Told:
    """The event of a row of ``build_events``."""
    event = Log(row.text) if row.kind == "log" else decode(row.kind, row.data)
    return Told(seq=row.seq, at=row.at, event=event, offset=row.offset)
