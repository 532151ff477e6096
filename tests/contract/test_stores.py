"""What every store promises to those who collect."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.storage import Storage
from hubkiln.stores import Store

NAMES = [store.name for store in Storage(DataDir(Path("/data"))).stores()]


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data").make()


@pytest.fixture(params=NAMES)
def store(request: pytest.FixtureRequest, data: DataDir) -> Store:
    """Each of them."""
    return next(store for store in Storage(data).stores() if store.name == request.param)


def put(store: Store, key: str = "0a1b") -> Path:
    """Something as the store has it: a blob, a note, or a folder with a file."""
    if store.name == "layers":
        path = store.folder / "blobs/sha256" / key
    elif store.name.startswith("images/") and store.name != "images/layers":
        path = store.folder / f"{key}.json"
    else:
        path = store.folder / key / "file"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10_000)
    return path if path.name != "file" else path.parent


def test_no_two_stores_share_a_name_or_a_folder(data: DataDir) -> None:
    """A folder is one store's, or holds folders of stores and nothing of its own."""
    stores = Storage(data).stores()
    assert len({store.name for store in stores}) == len(stores)
    for one, other in itertools.permutations(stores, 2):
        assert one.folder != other.folder


def test_an_empty_data_folder_has_nothing_and_nobodys(data: DataDir, store: Store) -> None:
    """Neither folders that are there nor those that come later."""
    assert not list(store.things()) and not Storage(data).nobodys()


def test_what_is_put_there_is_a_thing_until_it_is_dropped(data: DataDir, store: Store) -> None:
    """Its key, its last use and its bytes are told; dropped, it is gone at once, and dropping it again is nothing."""
    path = put(store)
    other = put(store, "2c3d")
    os.utime(path, (1_000_000, 1_000_000))
    thing, _ = store.things()
    assert (thing.key, thing.used) == ("0a1b", 1_000_000) and store.used("0a1b") == 1_000_000
    assert 10_000 <= store.size("0a1b") < 50_000
    assert list(store.needs("0a1b")) in ([], list(store.needs("2c3d")))
    for _ in range(2):
        store.drop("0a1b")
        assert not path.exists() and other.exists() and store.used("0a1b") is None
    assert [one.key for one in store.things()] == ["2c3d"]
    assert len(list((data.root / "trash").iterdir())) == 1


def test_a_damaged_thing_needs_nothing(store: Store) -> None:
    """It is listed and can go like any other."""
    path = put(store)
    target = path if path.is_file() else path / "file"
    target.write_bytes(b'{"layers": [1], "config": [], "rootfs": 3, "steps": [[]]')
    assert list(store.needs("0a1b")) == []
    target.write_bytes(b'{"layers": [1], "config": [], "manifests": 5, "rootfs": 3, "steps": 7, "trees": {}}')
    assert list(store.needs("0a1b")) == []
    store.drop("0a1b")
    assert not list(store.things())


def test_what_is_nobodys_is_reported_and_left_alone(data: DataDir) -> None:
    """At the top, and between the folders of stores."""
    for path in ("notes.txt", "images/mine/file", "cache/thing", "built/links/key/a.whl", "trees/a/b"):
        (data.root / path).parent.mkdir(parents=True, exist_ok=True)
        (data.root / path).touch()
    found = [path.relative_to(data.root).as_posix() for path in Storage(data).nobodys()]
    assert found == ["images/mine", "notes.txt"]
