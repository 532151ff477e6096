"""Which processes of the service live: builds of a dead one are interrupted, those of a live one left alone.

On the same machine the kernel knows at once (PID and its start time); of processes elsewhere only their beat in
the database is seen, by the database's own clock.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import Database, Moment, builds_table, workers_table
from hubkiln.processes import ProcessId, place


class Workers:
    """This process's place among the living."""

    def __init__(
        self, database: Database, dead_after: timedelta, process: ProcessId | None = None, where: str | None = None
    ) -> None:
        """`process` is ours, and `where` the place in which it means something, unless given."""
        self._database, self._dead_after = database, dead_after
        self._process, self._place = process or ProcessId.ours(), place() if where is None else where
        self.id = secrets.token_hex(8)

    async def beat(self) -> None:
        """Say that we live; the first time, register."""
        async with self._database.writing() as connection:
            now = await _now(connection)
            mine = update(workers_table).where(workers_table.c.id == self.id).values(beat=now)
            if not (await connection.execute(mine)).rowcount:
                pid, started = self._process.pid, str(self._process.started)
                await connection.execute(
                    insert(workers_table).values(id=self.id, place=self._place, pid=pid, started=started, beat=now)
                )

    async def dead(self) -> list[str]:
        """Ids of those that are dead, and of those gone that still have builds."""
        async with self._database.reading() as connection:
            now = await _now(connection)
            known = (await connection.execute(select(workers_table))).all()
            owners = select(builds_table.c.worker).where(builds_table.c.worker.is_not(None)).distinct()
            unknown = set((await connection.execute(owners)).scalars()) - {row.id for row in known}
        gone = [row.id for row in known if not self._lives(row.place, row.pid, row.started, row.beat, now)]
        return [id for id in (*gone, *unknown) if id != self.id]

    async def forget(self, id: str) -> None:
        """Remove a dead one, or ourselves when we stop."""
        async with self._database.writing() as connection:
            await connection.execute(delete(workers_table).where(workers_table.c.id == id))

    def _lives(self, where: str, pid: int, started: str, beat: datetime, now: datetime) -> bool:
        if where and where == self._place:
            return ProcessId(pid, int(started)).alive()
        return now - beat <= self._dead_after


async def _now(connection: AsyncConnection) -> datetime:
    now = (await connection.execute(select(func.now(type_=Moment)))).scalar_one()
    assert isinstance(now, datetime)
    return now
