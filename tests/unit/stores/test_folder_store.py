"""What a folder's things are, how large, how they go."""

from __future__ import annotations

import os
from pathlib import Path

from hubkiln.stores import FolderStore, Sizes, Thing, disk_bytes, use


def store(root: Path, **options: bool | str) -> FolderStore:
    """The store ``things``."""
    made = FolderStore(root=root, folder=root / "things", **options)  # type: ignore[arg-type]
    made.folder.mkdir()
    return made


def test_notes_beside_a_thing_are_its_own(tmp_path: Path) -> None:
    """They count, and go with it."""
    one = store(tmp_path, beside=True)
    (one.folder / "a").mkdir()
    (one.folder / "a.1234.verified").touch()
    (one.folder / "a.parts.json").write_text("{}")
    assert [thing.key for thing in one.things()] == ["a"]
    one.drop("a")
    assert not list(one.folder.iterdir())


def test_what_a_killed_process_left_beside_notes_is_a_thing_too(tmp_path: Path) -> None:
    """So that it goes one day."""
    one = store(tmp_path, suffix=".json")
    (one.folder / "a.json").write_text("{}")
    (one.folder / ".a.json.0011").write_text("")
    assert [thing.key for thing in one.things()] == [".a.json.0011", "a"]
    one.drop(".a.json.0011")
    assert [thing.key for thing in one.things()] == ["a"]


def test_dropping_what_is_gone_does_nothing(tmp_path: Path) -> None:
    """Somebody else collected it."""
    store(tmp_path).drop("nonesuch")


def test_a_closed_folder_goes_too(tmp_path: Path) -> None:
    """An image's layer may be closed at its top."""
    one = store(tmp_path)
    (one.folder / "a").mkdir()
    (one.folder / "a").chmod(0)
    one.drop("a")
    assert not list(one.things())


def test_a_files_names_count_once_and_names_elsewhere_not_at_all(tmp_path: Path) -> None:
    """An environment links the files of its packages, and takes no more space than its folders."""
    tree, environment = tmp_path / "tree", tmp_path / "environment"
    for folder in (tree, environment):
        folder.mkdir()
    (tree / "file").write_bytes(b"x" * 100_000)
    alone = disk_bytes(tree)
    os.link(tree / "file", tree / "again")
    os.link(tree / "file", environment / "file")
    (environment / "own").write_bytes(b"x" * 50_000)
    assert disk_bytes(tree) == alone
    assert 50_000 <= disk_bytes(environment, own=True) < 100_000


def test_using_a_thing_marks_it_and_not_twice_a_minute(tmp_path: Path) -> None:
    """So that marks cost nothing."""
    (tmp_path / "gc.lock").touch()
    path = tmp_path / "thing"
    path.mkdir()
    os.utime(path, (1, 1))
    use(tmp_path, path, tmp_path / "nonesuch")
    first = path.stat()
    assert first.st_mtime > 1_000_000_000
    use(tmp_path, path)
    assert path.stat().st_ctime_ns == first.st_ctime_ns


def test_a_mark_from_the_future_is_set_right(tmp_path: Path) -> None:
    """It would stay for ever."""
    (tmp_path / "gc.lock").touch()
    os.utime(tmp_path, (4_000_000_000, 4_000_000_000))
    use(tmp_path, tmp_path)
    assert tmp_path.stat().st_mtime < 4_000_000_000


def test_where_nothing_is_collected_nothing_is_marked(tmp_path: Path) -> None:
    """A layout outside of a data folder stays as it is."""
    os.utime(tmp_path, (1, 1))
    use(tmp_path, tmp_path)
    assert tmp_path.stat().st_mtime == 1


def test_sizes_are_remembered_for_what_is_there_and_never_changes(tmp_path: Path) -> None:
    """What is gone is forgotten; what changes is counted each time."""
    fixed = store(tmp_path)
    (fixed.folder / "a").write_bytes(b"x" * 10_000)
    sizes = Sizes(tmp_path)
    counted = sizes.of(fixed, Thing("a", 0))
    sizes.keep()
    (fixed.folder / "a").write_bytes(b"x" * 1_000_000)
    assert Sizes(tmp_path).of(fixed, Thing("a", 0)) == counted
    changing = FolderStore(root=tmp_path, folder=fixed.folder, fixed=False)
    assert Sizes(tmp_path).of(changing, Thing("a", 0)) > counted
    gone = Sizes(tmp_path)
    gone.keep()
    assert Sizes(tmp_path).of(fixed, Thing("a", 0)) > counted
