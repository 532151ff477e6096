"""How much may be under way at once, and how much one user may have built in a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import Quotas
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
            busy.owners[one.owner] += 1
            busy.groups.update(one.groups)
            busy.providers[one.provider] += 1
            busy.repositories[one.provider, one.repository] += 1
        return busy


async def day_of(connection: AsyncConnection, owner: str, now: datetime) -> tuple[int, float, datetime | None]:
    """How many builds `owner` asked for in the last 24 hours, how long these took, and when the first was."""
    columns = builds_table.c
    of_today = columns.created.between(now - DAY, now + DAY)  # what a clock that was wrong wrote is no debt for years
    theirs = (columns.owner == owner) & of_today & columns.result_key.is_distinct_from(FOUND)
    query = select(func.count(), func.coalesce(func.sum(columns.run_seconds), 0), func.min(columns.created))
    count, seconds, first = (await connection.execute(query.where(theirs))).one()
    return count, seconds, first


async def check_day(connection: AsyncConnection, limits: InForce, owner: str, now: datetime) -> None:
    """
    See whether `owner` may have one more built.

    Raises:
        LimitReached: not before some of the last 24 hours are over.
    """
    quotas = limits.quotas
    count, seconds, first = await day_of(connection, owner, now)
    again = f"The next is possible after {first + DAY:%H:%M} UTC." if first else ""
    if not _below(count, quotas.user_daily):
        raise LimitReached(
            f"You have asked for {count} builds within 24 hours; the limit is {quotas.user_daily}"
            f"{limits.why('user_daily')}.",
            hint=again,
        )
    if not _below(seconds, quotas.user_seconds_daily):
        allowed = (quotas.user_seconds_daily or 0) / 60
        raise LimitReached(
            f"Your builds have taken {seconds / 60:.0f} minutes within 24 hours; the limit is {allowed:.0f}"
            f"{limits.why('user_seconds_daily')}.",
            hint=again,
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
