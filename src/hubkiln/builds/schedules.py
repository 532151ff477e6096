"""What is built again and again before anybody asks: at times that an admin gives, tried again while a host is away.

A schedule is a row whose `due` says when something is to be done for it: ask for the build, or look how it ended. A
process claims it by putting that off, so of several one does it, and one that dies leaves it to the others. The next
time is counted from now: what an outage missed is done once.

A push that a forge told of is such a row too, without times: it goes when its build is ready, or is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cronsim import CronSim, CronSimError
from sqlalchemy import delete, insert, select, update

from hubkiln.builds.codec import decode_request, encode_request
from hubkiln.builds.events import Phase
from hubkiln.builds.interface import BuildRequest, Record
from hubkiln.builds.journal import Clock
from hubkiln.database import Database, schedules_table
from hubkiln.errors import BadSpec, Conflict, HubkilnError, LimitReached, NotFound, ServiceError
from hubkiln.keys import digest
from hubkiln.values import utc_now

TAKING = timedelta(minutes=2)
"""How long a process may take to ask for a build; then another may."""

LOOK = timedelta(seconds=20)
"""How often it is looked whether a build has ended."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""After each failure that is not the repository's."""

MOST = 1000
"""Schedules that there may be."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When something is due for a schedule that is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A repository that is built at certain times."""

    id: str
    request: BuildRequest
    times: str
    """As cron has them, in UTC: ``0 4 * * 1``; empty for a push, which is built once."""
    keep: bool
    """What was built last is not collected."""
    author: str
    created: datetime
    due: datetime
    """When something is to be done next."""
    attempts: int = 0
    """Tries that failed since the last time came."""
    build: str | None = None
    """Under way, or not looked at since."""
    last_build: str | None = None
    last_phase: str | None = None
    last_at: datetime | None = None
    problem: dict[str, str] | None = None
    """Why the last one failed: code, message, hint."""
    image: str | None = None
    """What was built last."""

    @property
    def paused(self) -> bool:
        """Whether nothing is built until somebody lets it go on."""
        return self.due == NEVER


def next_time(times: str, now: datetime) -> datetime:
    """
    When `times` come next after `now`.

    Raises:
        BadSpec: they cannot be read, or never come.
    """
    try:
        return next(CronSim(times, now))
    except (CronSimError, StopIteration) as error:
        raise BadSpec(
            f"{times[:60]!r} are no times.", hint="Write them as cron does, in UTC: `0 4 * * 1` is Mondays at 4."
        ) from error


def passes(code: str) -> bool:
    """Whether an error with this `code` is not the repository's: trying again may help."""
    return code in _PASSING


def _below(kind: type[HubkilnError]) -> Iterator[str]:
    yield kind.code
    for one in kind.__subclasses__():
        yield from _below(one)


_PASSING = frozenset({*_below(ServiceError), LimitReached.code, HubkilnError.code})


class Schedules:
    """The table of schedules."""

    def __init__(self, database: Database, now: Clock = utc_now, most: int = MOST) -> None:
        self._database, self.now, self._most = database, now, most

    async def add(self, request: BuildRequest, times: str, *, keep: bool, author: str) -> Schedule:
        """
        Build `request` at `times`, and once at the next of them after an outage.

        Raises:
            BadSpec: no such times. Conflict: it is built at times already, or there are too many.
        """
        now = self.now()
        made = Schedule(
            id=_id(request, once=False),
            request=request,
            times=times,
            keep=keep,
            author=author,
            created=now,
            due=next_time(times, now),
        )
        async with self._database.writing() as connection:
            known = (await connection.execute(select(schedules_table.c.id))).scalars().all()
            if made.id in known:
                raise Conflict("This repository has its times already.", hint="Remove them first.")
            if len(known) >= self._most:
                raise Conflict(f"There are {len(known)} schedules already.", hint="Remove one that nobody needs.")
            await connection.execute(insert(schedules_table).values(_row(made)))
        return made

    async def follow(self, record: Record, owner: str) -> None:
        """See that the build `record`, of a push, is tried again by `owner` while what it fails of may pass."""
        now = self.now()
        request = replace(record.request, revision=None)
        id = _id(request, once=True)
        made = Schedule(
            id=id,
            request=request,
            times="",
            keep=False,
            author=owner,
            created=now,
            due=now + LOOK,
            build=record.id,
        )
        async with self._database.writing() as connection:  # a newer push of the branch takes the older one's place
            await connection.execute(delete(schedules_table).where(schedules_table.c.id == id))
            await connection.execute(insert(schedules_table).values(_row(made)))

    async def remove(self, id: str) -> None:
        """
        Raises:
            NotFound: there is no such schedule.
        """
        async with self._database.writing() as connection:
            if not (await connection.execute(delete(schedules_table).where(schedules_table.c.id == id))).rowcount:
                raise NotFound("There is no such schedule.")

    async def at_once(self, id: str) -> Schedule:
        """
        Let it be built now, besides its times.

        Raises:
            NotFound: there is no such schedule. Conflict: it is paused.
        """

        def now(schedule: Schedule) -> dict[str, Any]:
            if schedule.paused:
                raise Conflict("This schedule is paused.", hint="Let it go on first.")
            return {"due": self.now(), "attempts": 0}

        return await self._changed(id, now)

    async def pause(self, id: str) -> Schedule:
        """Build nothing until :meth:`go_on`; of a build that is under way the end is not noted. Raises NotFound."""
        return await self._changed(id, lambda schedule: {"due": NEVER, "build": None, "attempts": 0})

    async def go_on(self, id: str) -> Schedule:
        """End the pause: it is built at the next of its times, a push now. Raises NotFound."""
        now = self.now()

        def due(schedule: Schedule) -> dict[str, Any]:
            return {"due": next_time(schedule.times, now) if schedule.times else now} if schedule.paused else {}

        return await self._changed(id, due)

    async def _changed(self, id: str, change: Callable[[Schedule], dict[str, Any]]) -> Schedule:
        found = schedules_table.c.id == id
        async with self._database.writing() as connection:
            query = select(schedules_table).where(found).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NotFound("There is no such schedule.")
            schedule = _schedule(row)
            if values := change(schedule):
                await connection.execute(update(schedules_table).where(found).values(**values))
        return replace(schedule, **values)

    async def listing(self) -> list[Schedule]:
        """All of them, by when something is due."""
        query = select(schedules_table).order_by(schedules_table.c.due, schedules_table.c.id)
        async with self._database.reading() as connection:
            return [_schedule(row) for row in await connection.execute(query)]

    async def take(self) -> Schedule | None:
        """One for which something is due, from now on the caller's to do; None if there is none."""
        columns, now = schedules_table.c, self.now()
        query = select(schedules_table).where(columns.due <= now).order_by(columns.due).limit(1)
        while True:
            async with self._database.reading() as connection:
                row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None
            mine = (columns.id == row.id) & (columns.due == row.due)
            async with self._database.writing() as connection:
                claimed = update(schedules_table).where(mine).values(due=now + TAKING)
                won = (await connection.execute(claimed)).rowcount
            if won:  # committed before it is read: one that cannot be read holds up no other
                return replace(_schedule(row), due=now + TAKING)

    async def under_way(self, taken: Schedule, build: str) -> None:
        """It is being built, as `build`."""
        await self._change(taken, build=build, due=self.now() + LOOK)

    async def ended(
        self, taken: Schedule, phase: Phase, problem: HubkilnError | dict[str, str] | None, image: str | None
    ) -> None:
        """
        Its build ended, or could not be asked for; whether that is tried again, and when, is decided here.

        What somebody called off is not tried again before its next time.
        """
        now = self.now()
        if isinstance(problem, HubkilnError):
            problem = {"code": problem.code, "message": problem.message, "hint": problem.advice}
        may_pass = phase is Phase.INTERRUPTED or (phase is Phase.FAILED and passes((problem or {}).get("code", "")))
        again = may_pass and taken.attempts < len(PAUSES)
        if not again and not taken.times:
            async with self._database.writing() as connection:
                await connection.execute(_mine(delete(schedules_table), taken))
            return
        await self._change(
            taken,
            build=None,
            last_build=taken.build or taken.last_build,
            last_phase=phase.value,
            last_at=now,
            problem=problem,
            image=image or taken.image,
            attempts=taken.attempts + 1 if again else 0,
            due=now + PAUSES[taken.attempts] if again else next_time(taken.times, now),
        )

    async def _change(self, taken: Schedule, **values: Any) -> None:
        async with self._database.writing() as connection:
            await connection.execute(_mine(update(schedules_table), taken).values(**values))


async def kept_images(database: Database) -> list[tuple[str, str]]:
    """The image that each schedule keeps, and what it is of."""
    columns = schedules_table.c
    query = select(columns.image, columns.request).where(columns.keep, columns.image.is_not(None))
    async with database.reading() as connection:
        rows = await connection.execute(query)
        return [(row.image, decode_request(row.request).spec.repository) for row in rows]


def _id(request: BuildRequest, *, once: bool) -> str:
    """One for each repository, ref, folder and packages added, and for its pushes another."""
    spec = request.spec
    named = [spec.provider, spec.repository, spec.ref, spec.subdir, request.as_of, once]
    return digest([*named, spec.packages] if spec.packages else named)[:16]


def _mine(statement: Any, taken: Schedule) -> Any:
    """Of a row as long as it is ours: another process may have it by now, or an admin wants it at once."""
    columns = schedules_table.c
    return statement.where(columns.id == taken.id, columns.due == taken.due)


def _row(schedule: Schedule) -> dict[str, Any]:
    found = {one.name: getattr(schedule, one.name) for one in fields(Schedule)}
    return found | {"request": encode_request(schedule.request)}


def _schedule(row: Any) -> Schedule:
    found = {one.name: getattr(row, one.name) for one in fields(Schedule)}
    return Schedule(**found | {"request": decode_request(row.request)})
