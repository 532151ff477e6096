"""What is seen of images behind a list, and what the list then tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from hubkiln.database import Database, build_users, builds_table
from hubkiln.environments import Catalogue, Looking, Order, Saved, Sight, State
from hubkiln.keys import spec_key
from hubkiln.values import Spec

SAVED = Saved(
    owner="ada",
    spec=Spec(provider="gh", repository="org/repo"),
    commit="c1",
    image="one",
    environment_key="k",
    plan="compose",
)


class Seen:
    """Images with their sizes, as many packages as bytes; None while nobody can tell."""

    def __init__(self, **sizes: int | None) -> None:
        self.sizes: dict[str, int | None] = sizes
        self.asked: list[str] = []
        self.day = 0
        self.sight = Sight(measure=self.measure, count=self.measure, there=self.there)

    async def measure(self, image: str) -> int | None:
        """See :class:`hubkiln.environments.Sight`."""
        return self.sizes[image]

    async def there(self, image: str) -> bool | None:
        """See :class:`hubkiln.environments.Sight`."""
        self.asked.append(image)
        return None if image in self.sizes and self.sizes[image] is None else image in self.sizes

    def now(self) -> datetime:
        """A time of `day`."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day)


async def looked(database: Database, seen: Seen) -> list[tuple[int | None, int | None, State]]:
    """What the list says of ada's once they have been looked at."""
    catalogue, looking = Catalogue(database), Looking(database, seen.sight, seen.now)
    looking.soon([one.image for one in (await catalogue.listing("ada"))[0]] * 2)
    await looking.settled()
    return [(one.bytes, one.packages, one.state) for one in (await catalogue.listing("ada"))[0]]


async def test_an_image_is_looked_at_once_an_hour(database: Database) -> None:
    """Its size and packages are remembered; whether it is there is asked again."""
    await Catalogue(database).save(SAVED)
    seen = Seen(one=10)
    for _ in range(2):
        assert await looked(database, seen) == [(10, 10, State.READY)]
    assert seen.asked == ["one"]
    seen.day, seen.sizes = 1, {}
    assert await looked(database, seen) == [(10, 10, State.GONE)]
    await Catalogue(database).save(SAVED)  # made again
    assert (await Catalogue(database).listing("ada"))[0][0].state is State.READY


async def test_what_nobody_can_tell_is_left_open(database: Database) -> None:
    """A registry that is away takes no image from anybody; what nobody saved is not looked at."""
    await Catalogue(database).save(SAVED)
    seen = Seen(one=None)
    assert await looked(database, seen) == [(None, None, State.READY)]
    looking = Looking(database, seen.sight, seen.now)
    looking.soon(["never saved"])
    await looking.settled()
    assert seen.asked == ["one"]


async def test_the_list_is_sorted_by_what_was_seen(database: Database) -> None:
    """Either way; what nobody knows yet comes last both times."""
    catalogue = Catalogue(database)
    for image in ("one", "two", "unknown"):
        await catalogue.save(replace(SAVED, image=image, spec=Spec(provider="gh", repository=f"org/{image}")))
    await looked(database, Seen(one=1, two=2, unknown=None))
    for descending, names in ((True, ["two", "one", "unknown"]), (False, ["one", "two", "unknown"])):
        found, total = await catalogue.listing("ada", order=Order.SIZE, descending=descending)
        assert ([one.image for one in found], total) == (names, 3)
    for order in Order:
        assert len((await catalogue.listing("ada", order=order))[0]) == 3
    assert (await catalogue.listing("ada", state=State.GONE))[1] == 0
    assert (await catalogue.listing("ada", state=State.READY, own=True))[1] == 3
    assert (await catalogue.listing("ada", own=False))[1] == 0


NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = {
    "never": [],
    "ready": ["failed", "ready"],
    "failed": ["ready", "failed"],
    "cancelled": ["failed", "cancelled"],
    "building": ["failed", "building"],
    "left": ["ready", "-failed"],
    "grace": ["ready", "grace:failed"],
    "becomes": ["ready", "+failed"],
    "became": ["+failed", "ready"],
    "waits": ["+pending"],
}
"""Environments, and their builds one after the other: ``-`` was left, ``+`` is of what it is to become."""
STATES = {"failed": State.FAILED, "building": State.BUILDING, "becomes": State.FAILED, "waits": State.BUILDING}


async def test_states_are_the_same_found_one_by_one_and_all_in_one_go(database: Database) -> None:
    """By state cut, sorted, in a page, and each alone; of builds the owner's newest counts that they did not leave."""
    catalogue = Catalogue(database)
    for name, builds in ASKED.items():
        spec, other = (Spec(provider="gh", repository=f"{org}/{name}") for org in ("org", "other"))
        saved = await catalogue.save(replace(SAVED, image=name, spec=spec))
        if any(build.startswith("+") for build in builds):
            await catalogue.await_build(saved.id, "ada", other)
        for number, build in enumerate(builds):
            user, _, state = build.rpartition(":")
            wanted = spec_key(other if state.startswith("+") else spec)
            async with database.writing() as connection:
                row = {"id": f"{name}{number}", "request": {}, "owner": "ada", "created": NOW + timedelta(hours=number)}
                await connection.execute(insert(builds_table).values(row | {"state": state.lstrip("+-")}))
                asked = {"build_id": row["id"], "user": user or "ada", "joined": NOW, "left": state.startswith("-")}
                await connection.execute(insert(build_users).values(asked | {"wants": wanted}))
    expected = {name: STATES.get(name, State.READY) for name in ASKED}
    everything, _ = await catalogue.listing("ada")
    assert {one.image: one.state for one in everything} == expected
    assert {one.image: (await catalogue.get(one.id, "ada")).state for one in everything} == expected
    for state in State:
        found, total = await catalogue.listing("ada", state=state, limit=4)
        of_it = {name for name, one in expected.items() if one is state}
        assert {one.image for one in found} <= of_it and (len(found), total) == (min(4, len(of_it)), len(of_it))
    found, total = await catalogue.listing("ada", order=Order.STATE, limit=4, offset=2)
    assert [one.state for one in found] == sorted(expected.values(), reverse=True)[2:6] and total == len(ASKED)
