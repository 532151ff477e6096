"""Whoever takes something from a store marks it as used, so that nobody takes it away meanwhile."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from collecting_yard import Yard, pass_hours, starts
from test_collecting import index, yard

from hubkiln.assembly import CAN
from hubkiln.builds import BuildRequest, Built
from hubkiln.composer.sources.build import OUT
from hubkiln.conventions import HOME
from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, open_local, sqlite_url
from hubkiln.environments import Catalogue, Saved, StoredLocks
from hubkiln.images import Descriptor, Layer, OciLayout
from hubkiln.local_images import UnpackedLayers
from hubkiln.local_images.unpacked import chain_names
from hubkiln.packages import preferred_stack
from hubkiln.sandbox import current_identity
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import fake_workshop
from index_server import Index
from wheels import make_wheel

__all__ = ["index", "yard"]


def marked(data: DataDir) -> set[str]:
    """The stores of what was used just now."""
    recent = time.time() - 1800  # half of what passes at once
    return {store.name for store in Storage(data).stores() for thing in store.things() if thing.used > recent}


def dropped(data: DataDir, *names: str) -> None:
    """Let hours pass, and everything of some stores go."""
    pass_hours(data)
    for store in Storage(data).stores():
        if store.name in names:
            for thing in list(store.things()):
                store.drop(thing.key)
    assert not marked(data)


async def test_a_build_marks_what_it_finds(yard: Yard) -> None:
    """The environment it finds; the unpacked packages where that is gone; the downloads where those are gone."""
    await yard.build("gh/ann/a")
    for gone, used in (
        ([], {"environments"}),
        (["environments"], {"environments", "trees"}),
        (["environments", "trees"], {"environments", "trees", "wheels"}),
    ):
        dropped(yard.data, *gone)
        await yard.build("gh/ann/a")
        assert marked(yard.data) >= used | {"content", "images/documents"}


def test_blobs_are_marked_when_they_are_looked_for(tmp_path: Path) -> None:
    """By their digest, and when they are read."""
    data = DataDir(tmp_path).make()
    layout = OciLayout(data.layers).make()
    digest = layout.put(b"{}")
    for look in (layout.has, layout.read):
        dropped(data)
        look(digest)
        assert marked(data) == {"layers"}


async def test_unpacked_layers_are_marked_when_an_image_needs_them(tmp_path: Path) -> None:
    """All of them; and when it is asked which are there."""
    data, identity = DataDir(tmp_path).make(), current_identity()
    diff_id = "sha256:" + "1" * 64
    layer = Layer(descriptor=Descriptor(media_type="", digest=diff_id, size=1), diff_id=diff_id)
    (data.images / "layers" / chain_names([diff_id], identity)[0]).mkdir(parents=True)
    store = UnpackedLayers(data.own("images/layers"), identity)
    dropped(data)
    await store.ensure([layer], OciLayout(data.layers), print)
    assert marked(data) == {"images/layers"}
    dropped(data)
    store.held([diff_id])
    assert marked(data) == {"images/layers"}


class Shop:
    """A machine whose one repository has a `postBuild`, or is a package of its own; both run in a fake sandbox."""

    def __init__(self, data: DataDir, index: Index, made: Path) -> None:
        self.data, self.index, self.made = data, index, made
        self.ran: list[str] = []
        """What ran inside, in order."""
        self.repositories = FakeRepositories()
        self.repositories.add("gh/ann/step", {"requirements.txt": "one\n", "postBuild": "#!/bin/sh\n"})
        self.repositories.add("gh/ann/package", {"setup.py": "", "requirements.txt": "one\n."})
        wheels = [index.wheel(path) for path in sorted(index.folder.glob("*.whl"))]
        self.workshop = fake_workshop(
            data.root,
            self.repositories,
            locker=FakeLocker([*wheels, index.wheel(made)]),
            engine=FakeEngine({"jupyterhub-singleuser": starts, "sh": self._runs}),
            can=CAN,
            opened=ExitStack(),
        )

    def again(self) -> Shop:
        """The same machine, whose locks were forgotten."""
        return Shop(self.data, self.index, self.made)

    async def _runs(self, inside: Inside) -> int:
        """A step that leaves a file in the home, or pip that builds the wheel."""
        pip = "pip" in inside.argv
        self.ran.append("pip" if pip else "postBuild")
        target = OUT if pip else HOME
        (upper,) = (overlay.upper for overlay in inside.room.overlays if overlay.target == target)
        assert upper is not None
        upper.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.made, upper)
        return 0

    async def build(self, name: str) -> Built:
        """Build one."""
        request = BuildRequest(spec=self.repositories.parse(name))
        return await self.workshop.pipeline.build(request, lambda event: None)

    async def save(self, built: Built) -> None:
        """As an environment of ann's, where the service keeps them."""
        async with database_at(sqlite_url(self.data.database)) as database:
            spec = self.repositories.parse("gh/ann/step")
            await Catalogue(database).save(
                Saved(owner="ann", spec=spec, commit="c", image=built.image, environment_key="k", plan="compose")
            )

    async def forget(self) -> None:
        """What was saved."""
        async with database_at(sqlite_url(self.data.database)) as database:
            for environment in (await Catalogue(database).listing("ann"))[0]:
                await Catalogue(database).delete(environment.id, "ann")

    def keys(self, store: str) -> set[str]:
        """What is in a store."""
        (found,) = (one for one in Storage(self.data).stores() if one.name == store)
        return {thing.key for thing in found.things()}

    async def collect(self) -> None:
        """Hours later, everything that nothing keeps."""
        pass_hours(self.data)
        await Storage(self.data).collect(CollectSettings(keep_seconds=0))


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Shop:
    make_wheel(index.folder, "pip", dict(preferred_stack("3.11"))["pip"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    return Shop(DataDir(tmp_path / "data").make(), index, make_wheel(elsewhere, "made", files={"made.py": "X = 1\n"}))


async def test_what_a_step_changed_stays_with_the_environment_that_was_saved(shop: Shop) -> None:
    """Then it goes, and whoever asks for the environment again has it run again, with the same result."""
    built = await shop.build("gh/ann/step")
    await shop.save(built)
    await shop.collect()
    assert shop.keys("steps") and (await shop.build("gh/ann/step")).image == built.image
    assert shop.ran == ["postBuild"] and "steps" in marked(shop.data)
    await shop.forget()
    await shop.collect()
    assert not shop.keys("steps")
    assert (await shop.build("gh/ann/step")).image == built.image and shop.ran == ["postBuild"] * 2


async def test_a_wheel_that_was_built_is_marked_until_it_goes_and_is_built_again(shop: Shop) -> None:
    """Nothing keeps it but its use; whoever has no lock of it asks for it again."""
    built = await shop.build("gh/ann/package")
    pass_hours(shop.data)
    second = shop.again()
    assert (await second.build("gh/ann/package")).image == built.image and (shop.ran, second.ran) == (["pip"], [])
    assert marked(shop.data) >= {"built", "built/links", "wheels"}
    await shop.collect()
    assert not shop.keys("built") | shop.keys("built/links") | shop.keys("wheels")
    third = shop.again()
    assert (await third.build("gh/ann/package")).image == built.image and third.ran == ["pip"]


async def test_a_wheel_that_a_kept_lock_names_stays(shop: Shop) -> None:
    """It was built here and nobody else has it."""
    await shop.build("gh/ann/package")
    (sha256,) = (key for key in shop.keys("wheels") if (shop.data.wheels / key / shop.made.name).exists())
    database = await open_local(shop.data.database)
    text = f'url = "{(shop.data.wheels / sha256 / shop.made.name).as_uri()}"'
    await StoredLocks(database).keep("recipe", "gh/ann/package", text, "digest")
    database.close()
    await shop.collect()
    assert shop.keys("wheels") == {sha256}
