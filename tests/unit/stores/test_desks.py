"""Each process's own folder for unfinished things."""

from __future__ import annotations

import os
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.removal import remove
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings, clear_desks, held_desks, left_desk, own_desk


def left(data: DataDir) -> Path:
    """A desk whose process has ended, used just now."""
    folder = data.work / "desk-00000001"
    (folder / "layer").mkdir(parents=True)
    (folder / "layer/half").write_bytes(bytes(50_000))
    return folder


def test_a_desk_is_its_process_own_and_goes_with_it(tmp_path: Path) -> None:
    """Two have two; when one has ended nothing of it is left, whatever lay there."""
    data = DataDir(tmp_path).make()
    with own_desk(tmp_path) as one:
        with own_desk(tmp_path) as other:
            assert held_desks(tmp_path) == {one, other} and one != other
            (data.work / other / "closed").mkdir(mode=0)
        assert [path.name for path in data.work.iterdir()] == [one]
        assert not left_desk(data.work / one)
    assert [*data.work.iterdir(), *(tmp_path / "trash").iterdir()] == []


def test_only_what_the_ended_left_is_cleared(tmp_path: Path) -> None:
    """Desks of the living stay, and what is no desk; a link in place of one is followed nowhere."""
    data = DataDir(tmp_path / "data").make()
    folder = left(data)
    (tmp_path / "mine").mkdir()
    (data.work / "desk-link").symlink_to(tmp_path / "mine")
    (data.work / "wheel-1").touch()
    with own_desk(data.root) as ours:
        (data.work / ours / "half").touch()
        clear_desks(data.root)
        assert {path.name for path in data.work.rglob("*")} == {ours, "half", "wheel-1"}
    assert not folder.exists() and (tmp_path / "mine").is_dir()


async def test_a_collection_takes_what_the_ended_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    """Whatever its age: a dry run tells it too."""
    data = DataDir(tmp_path / "data").make()
    folder = left(data)
    with own_desk(data.root, remove) as ours:
        (data.work / ours / "half").touch()
        os.utime(data.work / ours, (1, 1))
        _, found = await Storage(data).look(CollectSettings())
        assert [ref.key for ref in found.garbage] == [folder.name] and found.bytes_garbage >= 50_000
        await Storage(data).collect(CollectSettings())
        assert {path.name for path in data.work.rglob("*")} == {ours, "half"}
