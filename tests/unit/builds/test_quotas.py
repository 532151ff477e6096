"""How much users may have, and what an admin forbids."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.interface import Record
from hubkiln.builds.journal import Hold, Journal
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.quotas import room_at
from hubkiln.builds.rules import RuleKind, Rules
from hubkiln.builds.writer import Writer
from hubkiln.database import builds_table
from hubkiln.database.engine import Database
from hubkiln.errors import LimitReached, NotFound, Refused
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.values import Spec, utc_now

from .conftest import QUICK, REQUEST, Start, everything

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A wall clock, set by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


def spec(number: int, provider: str = "gh") -> Spec:
    return Spec(provider=provider, repository=f"org/{number}")


async def add(queue: Queue, number: int, owner: str = "ada", **more: object) -> Record:
    request = replace(REQUEST, spec=spec(number))
    return (await queue.add(Asked(request=request, owner=owner, ref="HEAD", **more)))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quotas", "begun"),
    [
        (Quotas(), 6),
        (Quotas(user_at_once=1), 3),
        (Quotas(total_at_once=4), 4),
        (Quotas(repository_at_once=1), 2),
        (Quotas(provider_at_once=2), 2),
        (Quotas(group_at_once=1), 3),
    ],
)
async def test_what_is_over_a_limit_waits(database: Database, quotas: Quotas, begun: int) -> None:
    """So many begin, in whatever process, and the rest stays in the queue."""
    queue = Queue(database)
    for owner, group in (("ada", "students"), ("grace", "students"), ("mary", "teachers")):
        for number in range(2):
            ref = replace(REQUEST, spec=replace(spec(number), ref=f"{owner}{number}"))
            groups = (group,) if owner != "mary" or number == 0 else ()
            await queue.add(Asked(request=ref, owner=owner, ref="HEAD", groups=groups))
    claims = [await Claims(database, quotas=quotas).claim(f"w{n}") for n in range(8)]
    assert len([record for record in claims if record]) == begun
    assert await Claims(database).claim("w9") is not None or begun == 6


async def test_the_limit_of_a_day(database: Database) -> None:
    """The next is refused with the time when it is possible, and possible then; others are not concerned."""
    clock = Clock()
    queue = Queue(database, now=clock, quotas=Quotas(user_daily=2))
    await add(queue, 1)
    clock.now += timedelta(hours=1)
    await add(queue, 2)
    with pytest.raises(LimitReached, match=r"2 builds .* after \d+-\d+-\d+ 12:00 UTC") as reached:
        await add(queue, 3)
    assert reached.value.after == 23 * 3600
    await add(queue, 3, "grace")
    clock.now += timedelta(hours=23, seconds=1)
    await add(queue, 4)


async def test_what_was_cancelled_before_it_began_does_not_count(database: Database) -> None:
    """Whoever mistyped gives it back; what was begun and then cancelled has cost something."""
    queue, journal = Queue(database, quotas=Quotas(user_daily=1)), Journal(database)
    await journal.leave((await add(queue, 1)).id, "ada")
    record = await add(queue, 2)
    assert await Claims(database).claim("w") is not None
    async with Writer(journal, Hold("w", 1), record, QUICK) as writer:
        writer.tell(Entered(Phase.RESOLVING))
        await writer.end(Phase.CANCELLED)
    with pytest.raises(LimitReached):
        await add(queue, 3)


async def test_what_died_with_us_does_not_count(database: Database) -> None:
    """A build that was given up because the service died of it each time is no debt of its owner's."""
    queue, claims = Queue(database, quotas=Quotas(user_daily=1)), Claims(database, attempts=1)
    record = await add(queue, 1)
    assert await claims.claim("w") is not None
    await claims.give_back("w")
    assert (await Journal(database).record(record.id)).state == Phase.INTERRUPTED
    await add(queue, 2)
    with pytest.raises(LimitReached):
        await add(queue, 3)


@given(st.lists(st.integers(0, 5), max_size=9), st.integers(0, 9))
def test_there_is_room_when_enough_is_a_day_old(amounts: list[int], most: int) -> None:
    """At the time that is told, and no earlier; never where nothing is allowed at all."""
    used = [(NOW + timedelta(hours=n), amount) for n, amount in enumerate(amounts)]

    def left(at: datetime) -> int:
        return sum(amount for when, amount in used if when + timedelta(days=1) > at)

    if left(NOW) >= most and used:
        times = [when + timedelta(days=1) for when, _ in used]
        assert room_at(used, most) == next((at for at in times if left(at) < most), None)


async def test_nobody_fills_the_database(database: Database) -> None:
    """So many requests of one user are recorded in a day, for what is ready too; others and services are let be."""
    clock = Clock()
    queue = Queue(database, now=clock, most_recorded=2)
    await add(queue, 1, found=BUILT)
    await add(queue, 2)
    for more in ({"found": BUILT}, {}):
        with pytest.raises(LimitReached, match="2 builds within 24 hours"):
            await add(queue, 3, **more)
    assert (await add(queue, 2)).owner == "ada"  # it is under way, so nothing is recorded
    await add(queue, 3, "grace")
    for number in range(4, 7):
        await add(queue, number, "service/prebuilt")
    clock.now += timedelta(days=1, seconds=1)
    await add(queue, 7)


async def test_builds_of_a_clock_that_was_wrong_are_no_debt(database: Database) -> None:
    """A machine that believed for an hour that a year had passed refuses nobody for that year."""
    clock = Clock()
    queue = Queue(database, now=clock, quotas=Quotas(user_daily=1))
    clock.now += timedelta(days=365)
    await add(queue, 1)
    clock.now -= timedelta(days=365)
    await add(queue, 2)


async def test_what_a_wrong_clock_calls_ready_is_not_known_for_ever(start: Start, database: Database) -> None:
    """Ready in a year is no more the answer of today than ready a year ago."""
    jobs = await start(FakeBuilder())
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    async with database.writing() as connection:
        await connection.execute(update(builds_table).values(result_key="k"))
    queues = {days: Queue(database, now=lambda days=days: utc_now() + timedelta(days=days)) for days in (-365, 0, 365)}
    known = {days: await queue.known("k", timedelta(days=1)) is not None for days, queue in queues.items()}
    assert known == {-365: False, 0: True, 365: False}


async def test_what_costs_nothing_is_not_counted(database: Database) -> None:
    """Joining, and what was there already, stay possible beyond the limit, and do not count."""
    queue = Queue(database, quotas=Quotas(user_daily=1))
    for number in range(3):
        await add(queue, number, result_key="k", found=BUILT)
    await add(queue, 8, "grace")
    await add(queue, 7)
    await add(queue, 8)
    with pytest.raises(LimitReached):
        await add(queue, 9)


async def test_build_time_of_a_day(start: Start, database: Database) -> None:
    """Once a user's builds have taken as long as they may, the next is refused."""
    jobs = await start(FakeBuilder(), replace(QUICK, quotas=Quotas(user_seconds_daily=0.0001)))
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    with pytest.raises(LimitReached, match="minutes"):
        await jobs.submit(REQUEST, "ada")


@pytest.mark.parametrize(
    ("kind", "pattern", "who"),
    [
        (RuleKind.SPEC, "gh/ORG/*", "everybody"),
        (RuleKind.SPEC, "gh/org/repo", "everybody"),
        (RuleKind.USER, "ada", "ada"),
        (RuleKind.HOST, "*.example.org", "nobody"),
    ],
)
async def test_what_is_forbidden_is_refused_with_its_reason(
    start: Start, kind: RuleKind, pattern: str, who: str
) -> None:
    """At once, also where it could be joined; taken back, it is allowed again."""
    jobs = await start(FakeBuilder(held=True))
    await jobs.submit(REQUEST, "mary")
    rule = await jobs.rules.add(kind, pattern, author="root", reason="mines coins")
    for user in ("ada", "grace"):
        if who in (user, "everybody"):
            with pytest.raises(Refused, match="mines coins"):
                await jobs.submit(REQUEST, user)
        else:
            await jobs.submit(REQUEST, user)
    await jobs.rules.remove(rule.id)
    await jobs.submit(REQUEST, "ada")
    with pytest.raises(NotFound):
        await jobs.rules.remove(rule.id)


async def test_what_alone_is_allowed(database: Database) -> None:
    """Of its kind nothing else is; of other kinds everything; what is forbidden stays forbidden."""
    rules = Rules(database)
    await rules.add(RuleKind.SPEC, "gh/org/*", author="root", allowed=True)
    await rules.add(RuleKind.SPEC, "gh/org/bad", author="root")
    await rules.check({RuleKind.SPEC: "gh/org/good", RuleKind.USER: "anybody"})
    for refused in ("gh/other/good", "gh/org/bad"):
        with pytest.raises(Refused):
            await rules.check({RuleKind.SPEC: refused})


async def test_a_rule_ends(database: Database) -> None:
    """From its end on it does not count, and is still listed; whoever is refused before is told when that is."""
    clock = Clock()
    rules = Rules(database, clock)
    await rules.add(RuleKind.USER, "ada", author="root", expires=NOW + timedelta(days=1))
    with pytest.raises(Refused) as refused:
        await rules.check({RuleKind.USER: "ada"})
    assert refused.value.hint.startswith("This holds until 2026-03-02 12:00 UTC. Ask")
    clock.now += timedelta(days=1)
    await rules.check({RuleKind.USER: "ada"})
    assert [rule.pattern for rule in await rules.listing()] == ["ada"]


@pytest.mark.parametrize(
    ("allowed", "days", "told"),
    [
        (False, (1, 3, 2), "until 2026-03-04 12:00"),
        (False, (1, None), ""),
        (True, (1, 3), "until 2026-03-04 12:00"),
        (True, (3, None), ""),
    ],
)
async def test_the_end_that_is_told_is_the_last(
    database: Database, allowed: bool, days: tuple[int | None, ...], told: str
) -> None:
    """Of several rules that refuse one, the reason is the longest one's; where one is for good, no end is told."""
    rules = Rules(database, Clock())
    for day in days:
        expires = NOW + timedelta(days=day) if day else None
        await rules.add(RuleKind.USER, "eve" if allowed else "a*", author="root", allowed=allowed, expires=expires)
    with pytest.raises(Refused) as refused:
        await rules.check({RuleKind.USER: "ada"})
    assert told in refused.value.hint and ("until" in refused.value.hint) is bool(told)
