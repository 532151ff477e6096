"""Which processes of the service live: builds of a dead one are given to others, those of a live one left alone.

On the same machine the kernel knows at once (PID and its start time); of processes elsewhere only their beat in
the database is seen, and whether it changes. No wall clock is asked: they jump.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from hubkiln.database import Database, builds_table, workers_table
from hubkiln.processes import ProcessId, place
from hubkiln.values import utc_now


class Workers:
    """This process's place among the living."""

    def __init__(
        self,
        database: Database,
        dead_after: timedelta,
        process: ProcessId | None = None,
        where: str | None = None,
        *,
        slots: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`process` is ours, and `where` the place in which it means something, unless given."""
        self._database, self._dead_after, self._slots = database, dead_after.total_seconds(), slots
        self._clock, self._looked = clock, clock()
        self._silence: dict[str, tuple[datetime, float]] = {}
        self._process, self._place = process or ProcessId.ours(), place() if where is None else where
        self.id = secrets.token_hex(8)

    async def beat(self) -> None:
        """Say that we live; the first time, register."""
        async with self._database.writing() as connection:
            mine = update(workers_table).where(workers_table.c.id == self.id).values(beat=utc_now())
            if not (await connection.execute(mine)).rowcount:
                pid, started = self._process.pid, str(self._process.started)
                ours = {"id": self.id, "place": self._place, "pid": pid, "started": started, "slots": self._slots}
                await connection.execute(insert(workers_table).values(ours | {"beat": utc_now()}))

    async def dead(self) -> list[str]:
        """
        Ids of those that are dead, and of those gone that still have builds.

        Time in which nobody could look, because the database or this machine stood still, hardly counts: nobody could
        beat in it either.
        """
        async with self._database.reading() as connection:
            known = (await connection.execute(select(workers_table))).all()
            owners = select(builds_table.c.worker).where(builds_table.c.worker.is_not(None)).distinct()
            unknown = set((await connection.execute(owners)).scalars()) - {row.id for row in known}
        passed = min(self._clock() - self._looked, self._dead_after / 3)
        self._looked = self._clock()
        self._silence = {row.id: (row.beat, self._silent(row.id, row.beat, passed)) for row in known}
        gone = [row.id for row in known if not self._lives(row.id, row.place, row.pid, row.started)]
        return [id for id in (*gone, *unknown) if id != self.id]

    async def forget(self, id: str) -> None:
        """Remove a dead one, or ourselves when we stop."""
        async with self._database.writing() as connection:
            await connection.execute(delete(workers_table).where(workers_table.c.id == id))

    def _silent(self, id: str, beat: datetime, passed: float) -> float:
        """Seconds in which this beat was the last, as we saw it: by our own clock, which nobody sets."""
        before, seconds = self._silence.get(id, (None, 0.0))
        return seconds + passed if before == beat else 0.0

    def _lives(self, id: str, where: str, pid: int, started: str) -> bool:
        if where and where == self._place:
            return ProcessId(pid, int(started)).alive()
        return self._silence[id][1] <= self._dead_after
