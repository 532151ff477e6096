"""What is saved, who sees it, and what stays when it is built again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hubkiln.database.engine import Database
from hubkiln.environments.catalogue import Catalogue
from hubkiln.environments.interface import Saved, Visibility, title
from hubkiln.environments.kept import saved_images
from hubkiln.environments.versions import Versions
from hubkiln.errors import LimitReached, NotFound, Refused
from hubkiln.values import Spec

SPEC = Spec(provider="gh", repository="org/repo")
SAVED = Saved(owner="ada", spec=SPEC, commit="c1", image="i:1", environment_key="k", plan="compose", lock_digest="d")


@pytest.fixture
def days() -> list[int]:
    """How many days have passed, in a list that tests write to."""
    return [0]


@pytest.fixture
def catalogue(database: Database, days: list[int]) -> Catalogue:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return Catalogue(database, lambda: start + timedelta(days=days[0]))


async def test_a_new_commit_updates_what_has_a_name(catalogue: Catalogue) -> None:
    """The same repository and folder stay one environment; its name, text and visibility are kept."""
    first = await catalogue.save(SAVED)
    await catalogue.change(first.id, "ada", name="Course", description="d", visibility=Visibility.PUBLIC)
    again = await catalogue.save(replace(SAVED, commit="c2", image="i:2", spec=replace(SPEC, ref="dev")))
    assert (again.id, again.name, again.visibility, again.image) == (first.id, "Course", Visibility.PUBLIC, "i:2")
    assert (again.commit, again.spec.ref, again.created) == ("c2", "dev", first.created)


async def test_saving_twice_is_saving_once(catalogue: Catalogue) -> None:
    """The same again changes nothing."""
    assert await catalogue.save(SAVED) == await catalogue.save(SAVED)


@pytest.mark.parametrize(
    "other",
    [
        replace(SAVED, owner="grace"),
        replace(SAVED, spec=replace(SPEC, subdir="x")),
        replace(SAVED, spec=replace(SPEC, provider="gl")),
    ],
)
async def test_other_owners_and_folders_are_others(catalogue: Catalogue, other: Saved) -> None:
    """Owner, provider, repository and folder tell environments apart."""
    assert (await catalogue.save(SAVED)).id != (await catalogue.save(other)).id


async def test_yesterdays_image_is_still_known(catalogue: Catalogue) -> None:
    """A server that starts again with an earlier image of the environment is not refused."""
    await catalogue.save(SAVED)
    now = await catalogue.save(replace(SAVED, image="i:2"))
    for image in ("i:1", "i:2"):
        known = await catalogue.known(image, "ada")
        assert known.known and known.visible and known.environment == now


async def test_visibility_decides(catalogue: Catalogue) -> None:
    """A private image is known but not visible to others; a public one is both; the user's own comes first."""
    mine = await catalogue.save(SAVED)
    assert (await catalogue.known("i:1", "grace")).visible is False
    with pytest.raises(NotFound):
        await catalogue.get(mine.id, "grace")
    await catalogue.change(mine.id, "ada", visibility=Visibility.PUBLIC)
    assert (await catalogue.known("i:1", "grace")).environment == await catalogue.get(mine.id, "grace")
    hers = await catalogue.save(replace(SAVED, owner="grace"))
    assert (await catalogue.known("i:1", "grace")).environment == hers


async def test_a_group_may_use_what_is_shared_with_it(catalogue: Catalogue) -> None:
    """Its members see it, start it and find it; nobody else does, and not after it is private again."""
    mine = await catalogue.save(SAVED)
    shared = await catalogue.change(mine.id, "ada", visibility=Visibility.GROUP, group="lab")
    assert (await catalogue.known("i:1", "grace", ("lab",))).environment == shared
    assert await catalogue.listing("grace", "", ("lab", "x")) == ([shared], 1)
    for groups in ((), ("la", "", "x")):
        assert not (await catalogue.known("i:1", "eve", groups)).visible
        assert await catalogue.listing("eve", "", groups) == ([], 0)
        with pytest.raises(NotFound):
            await catalogue.get(mine.id, "eve", groups)
    await catalogue.change(mine.id, "ada", visibility=Visibility.PRIVATE)
    assert await catalogue.listing("grace", "", ("lab",)) == ([], 0)


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.GROUP])
async def test_what_became_private_is_shared_no_more(catalogue: Catalogue, visibility: Visibility) -> None:
    """A repository that was readable for all and is so no more takes its environment along, at the next build."""
    mine = await catalogue.save(SAVED)
    await catalogue.change(mine.id, "ada", visibility=visibility, group="lab")
    await catalogue.save(replace(SAVED, spec=replace(SPEC, reader="ada")))
    assert await catalogue.listing("grace", "", ("lab",)) == ([], 0)
    with pytest.raises(Refused):
        await catalogue.change(mine.id, "ada", visibility=visibility, group="lab")


async def test_what_was_private_stays_so_when_its_repository_is_opened(catalogue: Catalogue) -> None:
    """An image of a time when only one user could read the repository is never shared along with a later one."""
    mine = await catalogue.save(replace(SAVED, spec=replace(SPEC, reader="ada")))
    await catalogue.save(replace(SAVED, image="i:2"))
    await catalogue.change(mine.id, "ada", visibility=Visibility.PUBLIC)
    assert (await catalogue.known("i:2", "grace")).visible
    assert not (await catalogue.known("i:1", "grace")).visible
    owners = await catalogue.known("i:1", "ada")
    assert owners.environment is not None and owners.environment.spec.reader == "ada"  # who is asked for at each start


@pytest.mark.parametrize("ref", ["HEAD", "c1"])
async def test_going_back_to_a_private_version_ends_the_sharing(
    catalogue: Catalogue, database: Database, ref: str
) -> None:
    """Nobody else sees even its name; of a version that was asked for by its commit, too."""
    mine = await catalogue.save(replace(SAVED, spec=replace(SPEC, reader="ada", ref=ref)))
    await catalogue.save(replace(SAVED, image="i:2"))
    shared = await catalogue.change(mine.id, "ada", visibility=Visibility.PUBLIC)
    await Versions(database).choose(shared, "i:1")
    assert await catalogue.listing("grace") == ([], 0)
    with pytest.raises(NotFound):
        await catalogue.get(mine.id, "grace")
    with pytest.raises(Refused):
        await catalogue.change(mine.id, "ada", visibility=Visibility.PUBLIC)


async def test_last_used_comes_first(catalogue: Catalogue, days: list[int]) -> None:
    """Starting an environment moves it to the top of its owner's list, not of others'."""
    first = await catalogue.save(SAVED)
    days[0] = 1
    second = await catalogue.save(replace(SAVED, image="i:2", spec=replace(SPEC, repository="org/other")))
    assert [e.id for e in (await catalogue.listing("ada"))[0]] == [second.id, first.id]
    days[0] = 2
    await catalogue.touch("i:1", "grace")
    assert [e.id for e in (await catalogue.listing("ada"))[0]] == [second.id, first.id]
    await catalogue.touch("i:1", "ada")
    assert [e.id for e in (await catalogue.listing("ada"))[0]] == [first.id, second.id]


async def test_a_deleted_one_is_forgotten_for_its_owner_only(catalogue: Catalogue) -> None:
    """Nobody else may delete it; afterwards its image is known only through others' environments."""
    mine = await catalogue.save(SAVED)
    with pytest.raises(NotFound):
        await catalogue.delete(mine.id, "grace")
    await catalogue.save(replace(SAVED, owner="grace"))
    await catalogue.delete(mine.id, "ada")
    known = await catalogue.known("i:1", "ada")
    assert known.known and not known.visible
    with pytest.raises(NotFound):
        await catalogue.delete(mine.id, "ada")


@pytest.mark.parametrize(
    ("provider", "repository", "subdir", "expected"),
    [
        ("gh", "org/repo", "", "org/repo"),
        ("gh", "org/repo", "a/b", "org/repo/a/b"),
        ("git", "https://host.example/group/sub/repo.git", "", "sub/repo"),
        ("git", "http://127.0.0.1:8000/repo.git", "", "repo"),
        ("git", "git@host.example:org/repo.git", "", "org/repo"),
        ("git", "ssh://git@host.example/org/repo/", "", "org/repo"),
        ("inline", "numpy==2\npandas", "", "numpy==2, pandas"),
        ("inline", "a\nb\nc\nd", "", "a, b, c, …"),
        ("inline", "numpy>=1,<3,dask[array,test],humanize,tabulate", "", "numpy>=1,<3, dask[array,test], humanize, …"),
        ("local", "/home/ada/work/course", "", "work/course"),
    ],
)
def test_titles(provider: str, repository: str, subdir: str, expected: str) -> None:
    """Short names that people recognise."""
    assert title(Spec(provider=provider, repository=repository, subdir=subdir)) == expected


async def test_an_old_commit_of_a_branch_leaves_the_branch(catalogue: Catalogue) -> None:
    """What was made again at its commit still follows its branch."""
    await catalogue.save(replace(SAVED, spec=replace(SPEC, ref="dev")))
    again = await catalogue.save(replace(SAVED, spec=replace(SPEC, ref="c1")))
    assert again.spec.ref == "dev"


async def test_of_a_pinned_one_every_version_is_kept(catalogue: Catalogue, database: Database) -> None:
    """Of others today's alone."""
    first = await catalogue.save(SAVED)
    await catalogue.save(replace(SAVED, image="i:2"))
    assert [image for image, _, _ in await saved_images(database)] == ["i:2"]
    await catalogue.change(first.id, "ada", pinned=True)
    assert sorted(image for image, _, _ in await saved_images(database)) == ["i:1", "i:2"]


async def test_words_find_environments(catalogue: Catalogue) -> None:
    """All of them, wherever they stand; everybody's are for admins."""
    await catalogue.save(SAVED)
    await catalogue.save(replace(SAVED, owner="grace", spec=replace(SPEC, repository="org/waves")))
    assert {one.owner for one in (await catalogue.listing(None))[0]} == {"grace", "ada"}
    assert [one.owner for one in (await catalogue.listing(None, "WAVES org"))[0]] == ["grace"]
    assert await catalogue.listing("ada", "waves") == ([], 0)


async def test_a_page_of_many_is_found_by_words_that_are_taken_as_they_are(catalogue: Catalogue) -> None:
    """The database counts and cuts; new names are found; signs of patterns are letters like others."""
    made = [await catalogue.save(replace(SAVED, spec=replace(SPEC, repository=f"org/r{n}"))) for n in range(5)]
    found, total = await catalogue.listing("ada", "org", offset=1, limit=2)
    assert (len(found), total) == (2, 5)
    await catalogue.change(made[0].id, "ada", name="Größe 100%_\\", description="Tide")
    for words in ("größe", "GRÖß", "100%_\\", "%", "_", "tide org/r0"):
        assert [one.id for one in (await catalogue.listing("ada", words))[0]] == [made[0].id], words


async def test_the_way_back_to_a_version(catalogue: Catalogue, database: Database) -> None:
    """Image, commit and key are those of then; what it never had is no version of it."""
    versions = Versions(database)
    await catalogue.save(SAVED)
    now = await catalogue.save(replace(SAVED, commit="c2", image="i:2", environment_key="k2"))
    assert {(one.image, one.current) for one in await versions.of(now)} == {("i:2", True), ("i:1", False)}
    await versions.choose(now, "i:1")
    back = await catalogue.get(now.id, "ada")
    assert (back.image, back.commit, back.environment_key) == ("i:1", "c1", "k")
    with pytest.raises(NotFound):
        await versions.choose(back, "i:3")


async def test_what_an_environment_waits_for_becomes_its_next_version(catalogue: Catalogue, database: Database) -> None:
    """Whatever it was of before; its name follows if nobody gave one, and the way back is there."""
    numpy = Spec(provider="inline", repository="numpy")
    both = replace(numpy, repository="numpy,pandas")
    first = await catalogue.save(replace(SAVED, spec=numpy))
    await catalogue.await_build(first.id, "ada", both)
    now = await catalogue.save(replace(SAVED, spec=both, image="i:2"))
    assert (now.id, now.name, now.spec, now.image) == (first.id, "numpy, pandas", both, "i:2")
    assert (await catalogue.listing("ada", "pandas"))[1] == 1
    await Versions(database).choose(now, "i:1")
    back = await catalogue.get(first.id, "ada")
    assert (back.image, back.spec, back.name) == ("i:1", numpy, "numpy")
    assert (await catalogue.save(replace(SAVED, spec=both, image="i:2"))).id != first.id  # asked for by itself


async def test_an_environment_waits_in_vain_for_others_builds(catalogue: Catalogue) -> None:
    """Only its owner's go into it, and only their owner can let one wait."""
    mine = await catalogue.save(SAVED)
    other = replace(SPEC, repository="org/other")
    await catalogue.await_build(mine.id, "grace", other)
    assert (await catalogue.save(replace(SAVED, spec=other, image="i:2"))).id != mine.id
    await catalogue.await_build(mine.id, "ada", replace(SPEC, repository="org/third"))
    hers = replace(SAVED, owner="grace", spec=replace(SPEC, repository="org/third"))
    assert (await catalogue.save(hers)).id != mine.id


async def test_a_copy_is_another_of_the_same(catalogue: Catalogue, database: Database) -> None:
    """Private, and the copier's; what is built of the repository goes to the original, changes of the copy to it."""
    original = await catalogue.save(SAVED)
    await catalogue.change(original.id, "ada", visibility=Visibility.PUBLIC)
    hers = await catalogue.copy(original.id, "grace")
    assert (hers.owner, hers.image, hers.visibility) == ("grace", "i:1", Visibility.PRIVATE)
    mine = await catalogue.copy(original.id, "ada")
    assert mine.name == "org/repo (copy)" and [v.image for v in await Versions(database).of(mine)] == ["i:1"]
    dev = replace(SPEC, ref="dev")
    await catalogue.await_build(mine.id, "ada", dev)
    assert (await catalogue.save(replace(SAVED, spec=dev, image="i:2"))).id == mine.id
    assert (await catalogue.save(replace(SAVED, spec=SPEC, image="i:3"))).id == original.id
    assert (await catalogue.save(replace(SAVED, spec=dev, image="i:4"))).id == mine.id
    private = await catalogue.save(replace(SAVED, spec=replace(SPEC, repository="org/secret")))
    with pytest.raises(NotFound):
        await catalogue.copy(private.id, "grace")


async def test_copies_have_an_end(database: Database) -> None:
    """They take no place on a disk, but each a row; others' are not counted."""
    catalogue = Catalogue(database, most=3)
    original = await catalogue.save(SAVED)
    await catalogue.change(original.id, "ada", visibility=Visibility.PUBLIC)
    copies = [await catalogue.copy(original.id, "ada") for _ in range(2)]
    with pytest.raises(LimitReached, match="3 environments"):
        await catalogue.copy(original.id, "ada")
    await catalogue.copy(original.id, "grace")
    await catalogue.delete(copies[0].id, "ada")
    await catalogue.copy(original.id, "ada")


async def test_two_of_one_owner_never_stand_for_the_same(catalogue: Catalogue) -> None:
    """An environment that is made what another is already stays its own; both can be made anew."""
    one, two = (Spec(provider="inline", repository=name) for name in ("numpy", "pandas"))
    first = await catalogue.save(replace(SAVED, spec=one))
    second = await catalogue.save(replace(SAVED, spec=two))
    for image in ("i:2", "i:3"):
        await catalogue.await_build(second.id, "ada", one)
        assert (await catalogue.save(replace(SAVED, spec=one, image=image))).id == second.id
    assert (await catalogue.get(first.id, "ada")).image == "i:1"
