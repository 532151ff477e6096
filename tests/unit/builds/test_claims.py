"""Who gets which build, and where the others stand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.claims import Claims, Place
from hubkiln.builds.events import Phase
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.workers import Workers
from hubkiln.database import builds_table
from hubkiln.database.engine import Database
from hubkiln.values import Spec

from .conftest import REQUEST


async def ask(database: Database, *owners: str) -> list[str]:
    """A build for each owner, all of different repositories; returns their ids."""
    ids = []
    for number, owner in enumerate(owners):
        request = replace(REQUEST, spec=Spec(provider="gh", repository=f"{owner}/{number}"))
        ids.append((await Queue(database).add(Asked(request=request, owner=owner, ref="HEAD")))[0].id)
    return ids


async def claimed(database: Database, *workers: str) -> list[str]:
    """Who asked for what each of `workers` gets, in turn."""
    records = [await Claims(database).claim(worker) for worker in workers]
    return [record.owner for record in records if record]


async def test_an_empty_queue_gives_nothing(database: Database) -> None:
    """Nobody waits for a build that is not there."""
    assert await Claims(database).claim("w") is None


async def test_claims_go_by_turn_whoever_makes_them(database: Database) -> None:
    """What another worker runs counts for its owner."""
    await ask(database, "ada", "ada", "ada", "grace")
    assert await claimed(database, "one", "two", "one", "two", "one") == ["ada", "grace", "ada", "ada"]


async def test_many_claims_at_once_share_out(database: Database) -> None:
    """Every build goes to one worker and no other."""
    ids = await ask(database, *(f"user{n}" for n in range(8)))
    found = await asyncio.gather(*(Claims(database).claim(f"w{n}") for n in range(12)))
    assert sorted(record.id for record in found if record) == sorted(ids)


async def test_what_is_given_back_keeps_its_turn(database: Database) -> None:
    """A build of a dead worker waits where it was: it was asked for first."""
    ids = await ask(database, "ada", "grace")
    await Claims(database).claim("dead")
    await Claims(database).give_back("dead")
    record = await Claims(database).claim("w")
    assert record is not None and record.id == ids[0] and record.attempts == 2


async def test_who_waits_for_a_limit_has_a_place(database: Database) -> None:
    """Though a worker is free, it is not theirs yet; whoever may begin has none."""
    ids = await ask(database, "ada", "ada", "grace")
    await Workers(database, timedelta(hours=1), slots=5).beat()
    assert await Claims(database, quotas=Quotas(user_at_once=1)).places() == {ids[1]: Place(1, None)}


async def test_places_and_how_long_they_take(database: Database) -> None:
    """The next is first; builds of a minute make a place take a minute, once there were any."""
    ids = await ask(database, "ada", "ada", "grace")
    assert await Claims(database).places() == {ids[0]: Place(1, None), ids[2]: Place(2, None), ids[1]: Place(3, None)}
    async with database.writing() as connection:
        await connection.execute(
            builds_table.update()
            .where(builds_table.c.id == ids[0])
            .values(state=Phase.READY.value, run_seconds=60, finished=builds_table.c.created)
        )
    assert await Claims(database).places() == {ids[1]: Place(1, 60), ids[2]: Place(2, 120)}
