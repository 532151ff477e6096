"""A note that a power cut or a full disk left empty or cut is made again by whoever needs it: every kind of note."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hubkiln.composer.bases.bases import Bases
from hubkiln.composer.targets.overlaps import Overlaps
from hubkiln.conventions import LABEL_PYTHONS
from hubkiln.data_dir import DataDir
from hubkiln.errors import NotFound, ServiceError
from hubkiln.images.layout import OciLayout
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.server_check import ServerChecks
from hubkiln.local_images.store import LocalImages
from hubkiln.packages.packages import Packages
from hubkiln.testing.packages import FakeLocker, release
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import client
from hubkiln.trees import Entry
from hubkiln.values import Say
from pushing import put_base

cut = pytest.mark.parametrize("left", [b"", b'{"name": "wo', b"\0\0\0"])


@cut
def test_an_image_on_this_machine(tmp_path: Path, left: bytes) -> None:
    """It counts as gone, with what to do; building again brings it back under the same name."""
    images, image = LocalImages(DataDir(tmp_path).own("images/documents")), LocalImage(name="work", environment="e")
    reference = images.put(image)
    (note,) = tmp_path.rglob("*.json")
    note.write_bytes(left)
    with pytest.raises(NotFound, match=r"no longer on this machine\. Build its repository again"):
        images.get(reference)
    assert images.put(image) == reference and images.get(reference) == image


@cut
async def test_the_pythons_of_a_base_image(tmp_path: Path, left: bytes) -> None:
    """They are looked for again."""
    python = [json.dumps(["python", "CPython", ".".join(map(str, sys.version_info[:3])), "/usr/bin/python3"])]

    async def shell(inside: Inside) -> int:
        inside.say("\n".join(python) + "\n")
        return 0

    data, engine = DataDir(tmp_path).make(), FakeEngine({"/bin/sh": shell})
    put_base(OciLayout(data.layers).make(), labels={})
    bases = Bases(data, Packages(data, locker=FakeLocker([])), engine, client)  # type: ignore[arg-type]
    first = await bases.image(None, None, lambda text: None)
    notes = [path for path in data.images.rglob("*.json") if b"CPython" not in path.read_bytes()]
    assert len(notes) == 1 and len(engine.opened) == 1
    notes[0].write_bytes(left)
    assert await bases.image(None, None, lambda text: None) == first
    assert await bases.image(None, None, lambda text: None) == first and len(engine.opened) == 2


@cut
async def test_whether_a_server_starts_in_an_image(tmp_path: Path, left: bytes) -> None:
    """It is tried again."""
    tried: list[Sequence[str]] = []

    async def run(image: LocalImage, argv: Sequence[str], say: Say) -> int:
        tried.append(argv)
        say("5.4.0\n")
        return 0

    checks = ServerChecks(DataDir(tmp_path), run)
    image = LocalImage(name="any", rootfs=("layer",), entrypoint=("/start",))
    reference = f"hubkiln.local/any@sha256:{'0' * 64}"
    for _ in range(2):
        await checks.ready(reference, image, lambda text: None)
    (note,) = tmp_path.rglob("*.json")
    note.write_bytes(left)
    assert await checks.ready(reference, image, lambda text: None) == image and len(tried) == 2
    assert await checks.ready(reference, image, lambda text: None) == image and len(tried) == 2


@pytest.mark.parametrize("left", [b"", b"\0" * 15, b"\0" * 17])
def test_which_files_a_wheel_brings(tmp_path: Path, left: bytes) -> None:
    """They are noted again."""
    overlaps, wheel = Overlaps(tmp_path, tmp_path / "overlaps"), release("one", "1.0")
    entry = Entry(path="one.py", mode=0o644, size=1, source=b"x")
    overlaps.note(wheel, "3.11", [entry])
    assert overlaps.has(wheel, "3.11")
    (note,) = (tmp_path / "overlaps").iterdir()
    note.write_bytes(left)
    assert not overlaps.has(wheel, "3.11")
    overlaps.note(wheel, "3.11", [entry])
    assert overlaps.has(wheel, "3.11") and overlaps.together([wheel], "3.11") == {}


@cut
def test_a_document_of_an_image(tmp_path: Path, left: bytes) -> None:
    """It is removed, so that the next who needs it fetches or makes it."""
    layout = OciLayout(tmp_path).make()
    data = b'{"layers": []}'
    digest = layout.put(data)
    layout.path(digest).write_bytes(left)
    with pytest.raises(ServiceError, match=r"damaged, and has been removed\. Try again"):
        layout.read(digest)
    assert layout.put(data) == digest == "sha256:" + hashlib.sha256(layout.read(digest)).hexdigest()


def test_the_base_image_of_tests_says_its_pythons_unless_told_otherwise(tmp_path: Path) -> None:
    """Or the test above would probe nothing."""
    layout = OciLayout(tmp_path).make()
    put_base(layout)
    assert any(LABEL_PYTHONS.encode() in path.read_bytes() for path in (tmp_path / "blobs/sha256").iterdir())
