"""What is stored for a user."""

from __future__ import annotations

from dataclasses import replace

from hubkiln.database import Database
from hubkiln.environments import Catalogue, Saved, StoredSize, held_by_users
from hubkiln.values import Spec

SAVED = Saved(
    owner="ada",
    spec=Spec(provider="gh", repository="org/repo"),
    commit="c1",
    image="one",
    environment_key="k",
    plan="compose",
)


class Measured:
    """Sizes of images; None of what cannot be told now."""

    def __init__(self, **sizes: int | None) -> None:
        self.sizes, self.asked = sizes, list[str]()

    async def __call__(self, image: str) -> int | None:
        """See :data:`hubkiln.environments.Measure`."""
        self.asked.append(image)
        return self.sizes[image]


async def test_each_image_is_measured_once(database: Database) -> None:
    """Two environments of one image are stored once, and nobody else's counts; what was measured is remembered."""
    catalogue, measured = Catalogue(database), Measured(one=10, two=7)
    await catalogue.save(SAVED)
    await catalogue.save(replace(SAVED, spec=replace(SAVED.spec, subdir="a")))
    await catalogue.save(replace(SAVED, owner="grace", image="two"))
    stored = StoredSize(database, measured)
    assert [await stored.of("ada"), await stored.of("grace"), await stored.of("ada")] == [10, 7, 10]
    assert measured.asked == ["one", "two"]


async def test_an_earlier_version_counts_while_it_is_kept(database: Database) -> None:
    """As long as its environment is pinned."""
    catalogue, stored = Catalogue(database), StoredSize(database, Measured(one=10, two=7))
    await catalogue.save(SAVED)
    saved = await catalogue.save(replace(SAVED, image="two"))
    assert await stored.of("ada") == 7
    await catalogue.change(saved.id, "ada", pinned=True)
    assert await stored.of("ada") == 17
    await catalogue.delete(saved.id, "ada")
    assert await stored.of("ada") == 0


async def test_what_cannot_be_measured_now_counts_later(database: Database) -> None:
    """A registry that is away hinders nobody."""
    measured = Measured(one=None)
    await Catalogue(database).save(SAVED)
    assert await StoredSize(database, measured).of("ada") == 0
    measured.sizes["one"] = 10
    assert await StoredSize(database, measured).of("ada") == 10


async def test_users_by_what_they_keep(database: Database) -> None:
    """The most first; an image of two environments counts once, and what nobody has looked at is said."""
    catalogue = Catalogue(database)
    await catalogue.save(SAVED)
    await catalogue.save(replace(SAVED, spec=replace(SAVED.spec, subdir="a")))
    await catalogue.save(replace(SAVED, owner="grace", image="two"))
    await catalogue.save(replace(SAVED, owner="eve", image="three"))
    stored = StoredSize(database, Measured(one=7, two=10))
    await stored.of("ada"), await stored.of("grace")
    found = [(one.owner, one.environments, one.bytes, one.unknown) for one in await held_by_users(database, 9)]
    assert found == [("grace", 1, 10, 0), ("ada", 2, 7, 0), ("eve", 1, 0, 1)]
    assert len(await held_by_users(database, 1)) == 1
