"""Whoever takes something from a store marks it as used, so that nobody takes it away meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from collecting_yard import Yard, pass_hours
from test_collecting import index, yard

from hubkiln.data_dir import DataDir
from hubkiln.images import Descriptor, Layer, OciLayout
from hubkiln.local_images import UnpackedLayers
from hubkiln.local_images.unpacked import chain_names
from hubkiln.sandbox import current_identity
from hubkiln.storage import Storage

__all__ = ["index", "yard"]


def marked(data: DataDir) -> set[str]:
    """The stores of what was used just now."""
    recent = time.time() - 60
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
    store = UnpackedLayers(data, identity)
    dropped(data)
    await store.ensure([layer], OciLayout(data.layers), print)
    assert marked(data) == {"images/layers"}
    dropped(data)
    store.held([diff_id])
    assert marked(data) == {"images/layers"}
