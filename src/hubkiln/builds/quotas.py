"""How much may be under way at once, and how much one user may have built in a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.events import Phase
from hubkiln.builds.fairness import Waiting
from hubkiln.builds.occasions import Concerned, InForce
from hubkiln.database import build_users, builds_table
from hubkiln.errors import LimitReached

DAY = timedelta(days=1)

MOST_RECORDED = 5_000
"""Requests of one user's that are recorded in a day, those for what is ready included: nobody can fill the database."""


@dataclass(slots=True)
class Busy:
    """What is under way."""

    owners: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    providers: Counter[str] = field(default_factory=Counter)
    repositories: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, running: Iterable[Waiting]) -> Busy:
        """What `running` comes to."""
        busy = cls()
        for one in running:
            busy.add(one)
        return busy

    def add(self, one: Waiting) -> None:
        """Count `one` too."""
        self.owners[one.owner] += 1
        self.groups.update(one.groups)
        self.providers[one.provider] += 1
        self.repositories[one.provider, one.repository] += 1


async def day_of(connection: AsyncConnection, owner: str, now: datetime) -> tuple[int, float]:
    """How many builds `owner` asked for in the last 24 hours, and how long these took."""
    query = select(func.count(), func.coalesce(func.sum(builds_table.c.run_seconds), 0))
    count, seconds = (await connection.execute(query.where(_of_day(owner, now)))).one()
    return count, seconds


def _of_day(owner: str, now: datetime) -> ColumnElement[bool]:
    """What counts: not what was there already, was cancelled before anybody began it, or died with us each time."""
    columns = builds_table.c
    of_today = columns.created.between(now - DAY, now + DAY)  # what a clock that was wrong wrote is no debt for years
    begun = (columns.state != Phase.CANCELLED.value) | columns.started.is_not(None)
    kept = columns.state != Phase.INTERRUPTED.value
    return (columns.owner == owner) & of_today & columns.result_key.is_distinct_from(FOUND) & begun & kept


def room_at(used: Iterable[tuple[datetime, float]], most: float) -> datetime | None:
    """When enough of `used`, the oldest first, is a day old that less than `most` is left; None where that is never."""
    used = list(used)
    left = sum(amount for _, amount in used)
    for at, amount in used:
        left -= amount
        if left < most:
            return at + DAY
    return None


def reached(message: str, again: datetime | None, now: datetime) -> LimitReached:
    """The error of a limit of a day; it says when there is room `again`."""
    error = LimitReached(message, hint=f"The next is possible after {again:%Y-%m-%d %H:%M} UTC." if again else "")
    error.after = (again - now).total_seconds() if again else None
    return error


async def check_day(connection: AsyncConnection, limits: InForce, owner: str, now: datetime) -> None:
    """
    See whether `owner` may have one more built.

    Raises:
        LimitReached: not before some of the last 24 hours are over.
    """
    quotas = limits.quotas
    if not quotas.of_a_day:
        return
    count, seconds = await day_of(connection, owner, now)
    columns = builds_table.c
    each = select(columns.created, columns.run_seconds).where(_of_day(owner, now)).order_by(columns.created)
    if (most := quotas.user_daily) is not None and count >= most:
        rows = (await connection.execute(each)).all()
        raise reached(
            f"You have asked for {count} builds within 24 hours; the limit is {most}{limits.why('user_daily')}.",
            room_at(((row.created, 1) for row in rows), most) or limits.until("user_daily"),
            now,
        )
    if (longest := quotas.user_seconds_daily) is not None and seconds >= longest:
        rows = (await connection.execute(each)).all()
        raise reached(
            f"Your builds have taken {seconds / 60:.0f} minutes within 24 hours; the limit is {longest / 60:.0f}"
            f"{limits.why('user_seconds_daily')}.",
            room_at(((row.created, row.run_seconds) for row in rows), longest) or limits.until("user_seconds_daily"),
            now,
        )


async def check_recorded(connection: AsyncConnection, owner: str, now: datetime, most: int) -> None:
    """
    See whether one more request of `owner`'s may be recorded, if that is a user: many ask through a service.

    Raises:
        LimitReached: there have been `most` within 24 hours.
    """
    if "/" in owner:
        return
    columns = build_users.c
    lately = select(func.count()).where(columns.user == owner, columns.joined.between(now - DAY, now + DAY))
    if (await connection.execute(lately)).scalar_one() >= most:
        raise LimitReached(
            f"You have asked for {most} builds within 24 hours, as many as are recorded of one user.",
            hint="Start what is there from the page of your environments, and ask for more tomorrow.",
        )


def concerned(one: Waiting) -> Concerned:
    """Whose build it is."""
    return Concerned(owner=one.owner, groups=one.groups, spec=f"{one.provider}/{one.repository}")


def allow(quotas: Quotas, one: Waiting, busy: Busy) -> bool:
    """Whether `one` may begin while `busy` is under way."""
    return (
        _below(busy.owners.total(), quotas.total_at_once)
        and _below(busy.owners[one.owner], quotas.user_at_once)
        and _below(busy.providers[one.provider], quotas.provider_at_once)
        and _below(busy.repositories[one.provider, one.repository], quotas.repository_at_once)
        and all(_below(busy.groups[group], quotas.group_at_once) for group in one.groups)
    )


FOUND = "found"
"""The result key of what was there already, which costs nobody anything."""


def _below(count: float, limit: float | None) -> bool:
    return limit is None or count < limit
