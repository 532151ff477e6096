"""Limits for a time, and those of starts and of what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.claims import Claims
from hubkiln.builds.limits import Limits
from hubkiln.builds.occasions import Concerned, OccasionKind, Occasions, held_at, in_force
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.requests import Sources
from hubkiln.database import occasions_table
from hubkiln.database.engine import Database
from hubkiln.errors import BadSpec, LimitReached, NotFound
from hubkiln.testing.builds import FakeBuilder
from hubkiln.values import Spec

from .conftest import QUICK, REQUEST, Start

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = Concerned(owner="ada", groups=("course-26",), spec="gh/org/repo")


class Clock:
    """A wall clock, set by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


async def hold(database: Database, kind: OccasionKind, pattern: str, hours: float = 2, **limits: Any) -> str:
    """An occasion that holds from an hour after noon on."""
    begins = NOW + timedelta(hours=1)
    occasion = await Occasions(database, Clock()).add(
        kind, pattern, limits, begins=begins, ends=begins + timedelta(hours=hours), author="root", reason="Workshop"
    )
    return occasion.id


async def quotas_of(database: Database, whom: Concerned, hour: int = 14, **usual: Any) -> Quotas:
    async with database.reading() as connection:
        occasions = await held_at(connection, NOW.replace(hour=hour))
    return in_force(Quotas(**usual), occasions, whom).quotas


async def test_a_limit_that_nobody_knows_any_more_counts_for_nothing(database: Database) -> None:
    """A later version wrote it before an admin went back: the others of the same occasion hold, and builds begin."""
    await hold(database, OccasionKind.EVERYBODY, "*", user_builds=5)
    async with database.writing() as connection:
        await connection.execute(update(occasions_table).values(limits={"user_builds": 5, "user_wishes": 3}))
    assert (await quotas_of(database, ADA, user_at_once=1)).user_at_once == 5


@pytest.mark.parametrize(
    ("hour", "limit"), [(12, 1), (13, 5), (14, 5), (15, 1)], ids=["before", "from", "within", "from the end on"]
)
async def test_other_limits_hold_for_their_time(database: Database, hour: int, limit: int) -> None:
    """Not before, and not after; others of the same kind stay as they are."""
    await hold(database, OccasionKind.GROUP, "course-*", user_builds=5)
    found = await quotas_of(database, ADA, hour, user_at_once=1, user_daily=3)
    assert (found.user_at_once, found.user_daily) == (limit, 3)


@pytest.mark.parametrize(
    ("kind", "pattern", "concerns"),
    [
        (OccasionKind.EVERYBODY, "", True),
        (OccasionKind.USER, "ADA", True),
        (OccasionKind.USER, "grace", False),
        (OccasionKind.GROUP, "course-26", True),
        (OccasionKind.GROUP, "course", False),
        (OccasionKind.SPEC, "gh/org/*", True),
        (OccasionKind.SPEC, "gl/org/*", False),
    ],
)
async def test_whom_an_occasion_is_for(database: Database, kind: OccasionKind, pattern: str, concerns: bool) -> None:
    """A user, a group, a repository, or everybody."""
    await hold(database, kind, pattern, user_builds=5)
    assert (await quotas_of(database, ADA)).user_at_once == (5 if concerns else None)


async def test_the_nearer_goes_first_and_then_the_more_generous(database: Database) -> None:
    """So a course can have more while all others have less."""
    await hold(database, OccasionKind.EVERYBODY, "", user_builds=1, user_builds_daily=1)
    await hold(database, OccasionKind.GROUP, "course-26", user_builds=4)
    await hold(database, OccasionKind.GROUP, "course-*", user_builds=6)
    found = await quotas_of(database, ADA)
    assert (found.user_at_once, found.user_daily) == (6, 1)
    assert (await quotas_of(database, Concerned(owner="eve"))).user_at_once == 1
    await hold(database, OccasionKind.GROUP, "course-*", user_builds="none")
    assert (await quotas_of(database, ADA)).user_at_once is None


@pytest.mark.parametrize("limits", [{}, {"step_memory": "1G"}, {"user_builds": "many"}, {"user_builds": 0}])
async def test_what_is_no_limit_is_refused(database: Database, limits: dict[str, Any]) -> None:
    """With the names of those that there are."""
    with pytest.raises(BadSpec):
        await hold(database, OccasionKind.USER, "ada", **limits)


async def test_a_time_that_is_over_is_refused_and_what_is_removed_is_gone(database: Database) -> None:
    """An occasion that nobody will meet is a mistake."""
    with pytest.raises(BadSpec, match="over"):
        await hold(database, OccasionKind.USER, "ada", hours=0, user_builds=1)
    id = await hold(database, OccasionKind.USER, "ada", user_builds=1)
    await Occasions(database).remove(id)
    assert await Occasions(database).listing() == []
    with pytest.raises(NotFound):
        await Occasions(database).remove(id)


async def test_the_queue_goes_by_it(database: Database) -> None:
    """How many begin at once, and how many may be asked for in a day; the refusal names the occasion and its end."""
    await hold(database, OccasionKind.GROUP, "course-26", user_builds=2, user_builds_daily=3)
    clock = Clock()
    clock.now = NOW + timedelta(hours=2)
    queue = Queue(database, now=clock, quotas=Quotas(user_daily=1, user_at_once=1))
    for number in range(3):
        spec = Spec(provider="gh", repository=f"org/{number}")
        asked = Asked(request=replace(REQUEST, spec=spec), owner="ada", ref="HEAD", groups=("course-26",))
        await queue.add(asked)
    with pytest.raises(LimitReached, match=r"limit is 3 \(until 2026-03-01 15:00 UTC, Workshop\)"):
        await queue.add(replace(asked, request=REQUEST))
    claims = Claims(database, now=clock, quotas=Quotas(user_at_once=1))
    begun = [await claims.claim("w") for _ in range(3)]
    assert len([record for record in begun if record]) == 2


async def test_nothing_at_all_for_a_time(database: Database) -> None:
    """What is refused can be 0, and who is refused is told until when; what would wait for nothing cannot."""
    nothing: dict[str, Any] = {"user_builds_daily": 0, "user_build_time_daily": "0", "user_launches_daily": 0.0}
    await hold(database, OccasionKind.GROUP, "course-26", **nothing, user_stored="0")
    assert (await quotas_of(database, ADA)).user_stored_bytes == 0
    clock = Clock()
    clock.now = NOW + timedelta(hours=2)
    asked = Asked(request=REQUEST, owner="ada", ref="HEAD", groups=ADA.groups)
    with pytest.raises(LimitReached, match=r"limit is 0 \(until") as refused:
        await Queue(database, now=clock).add(asked)
    assert "after 2026-03-01 15:00 UTC" in refused.value.hint and refused.value.after == 3600
    with pytest.raises(LimitReached, match=r"limit is 0 \(until 2026-03-01 15:00"):
        await Limits(database, now=clock).launch(ADA)
    with pytest.raises(BadSpec, match="above 0"):
        await hold(database, OccasionKind.GROUP, "course-26", user_builds=0)


async def test_starts_of_a_day(database: Database) -> None:
    """The next is refused until a day after the first; of one start nothing counts twice; others are not concerned."""
    clock = Clock()
    limits = Limits(database, Quotas(user_launches_daily=2), now=clock)
    await limits.launch(ADA, "one")
    clock.now += timedelta(hours=1)
    for id in ("one", "two", "two"):
        await limits.launch(ADA, id)
    with pytest.raises(LimitReached, match="started 2 servers") as refused:
        await limits.launch(ADA)
    assert "12:00 UTC" in refused.value.hint
    await limits.launch(Concerned(owner="grace"))
    assert (await limits.used(ADA)).launches == 2
    clock.now += timedelta(hours=23, seconds=1)
    await limits.launch(ADA)


async def test_starts_of_a_clock_that_was_wrong_are_no_debt(database: Database) -> None:
    """What a machine counted while it believed in another year neither keeps its user out nor is kept."""
    clock = Clock()
    limits = Limits(database, Quotas(user_launches_daily=1), now=clock)
    clock.now = NOW + timedelta(days=365)
    await limits.launch(ADA)
    clock.now = NOW
    assert (await limits.used(ADA)).launches == 0
    await limits.launch(ADA)
    with pytest.raises(LimitReached):
        await limits.launch(ADA)


async def test_who_has_too_much_stored_builds_nothing_new(start: Start) -> None:
    """They are told how much it is and what to do; with less, they may again."""
    stored = {"ada": 3 * 1024**3, "grace": 0}

    async def of(owner: str) -> int:
        return stored[owner]

    settings = replace(QUICK, quotas=Quotas(user_stored_bytes=2 * 1024**3))
    jobs = await start(FakeBuilder(), settings, sources=Sources(stored=of))
    with pytest.raises(LimitReached, match=r"take 3\.0 GiB; the limit is 2\.0 GiB"):
        await jobs.submit(REQUEST, "ada")
    await jobs.submit(REQUEST, "grace")
    stored["ada"] = 1024
    await jobs.submit(REQUEST, "ada")
