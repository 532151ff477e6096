"""Which processes of the service live: builds of a dead one are interrupted, those of a live one left alone.

On the same machine the kernel knows at once (PID and its start time); of processes elsewhere only their beat in
the database is seen, by the database's own clock.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import Database, Moment, builds_table, workers_table


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from every other that had or will have its PID."""

    place: str
    """Boot and PID namespace within which the PID means something."""
    pid: int
    started: str

    @classmethod
    def this(cls) -> Process:
        """The one we are."""
        return cls(here(), os.getpid(), started(os.getpid()) or "")


def here() -> str:
    """This boot and PID namespace; empty where the system does not tell, which matches no other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def started(pid: int) -> str | None:
    """Start time of `pid` in ticks since boot; None if there is no such process or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Workers:
    """This process's place among the living."""

    def __init__(self, database: Database, dead_after: timedelta, process: Process | None = None) -> None:
        self._database, self._dead_after = database, dead_after
        self._process = process or Process.this()
        self.id = secrets.token_hex(8)

    async def beat(self) -> None:
        """Say that we live; the first time, register."""
        async with self._database.writing() as connection:
            now = await _now(connection)
            mine = update(workers_table).where(workers_table.c.id == self.id).values(beat=now)
            if not (await connection.execute(mine)).rowcount:
                process = self._process
                await connection.execute(
                    insert(workers_table).values(
                        id=self.id, place=process.place, pid=process.pid, started=process.started, beat=now
                    )
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

    def _lives(self, place: str, pid: int, since: str, beat: datetime, now: datetime) -> bool:
        if place and place == self._process.place:
            return started(pid) == since
        return now - beat <= self._dead_after


async def _now(connection: AsyncConnection) -> datetime:
    now = (await connection.execute(select(func.now(type_=Moment)))).scalar_one()
    assert isinstance(now, datetime)
    return now
