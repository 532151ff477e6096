"""The base under all work in trees that came from elsewhere: no link is followed, no depth is too much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deep_folders import deep_folder
from hubkiln.beneath import Beneath, LeadsAway, change_mode, walk
from hubkiln.removal import remove


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file that nobody may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("theirs")
    return folder


def test_nothing_is_written_through_a_link(tmp_path: Path, outside: Path) -> None:
    """Neither a link on the way nor one at the end leads a write out."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "way").symlink_to(outside)
    (root / "end").symlink_to(outside / "file")
    with Beneath(root) as beneath:
        with pytest.raises(LeadsAway):
            beneath.write("way/new", b"ours")
        beneath.write("end", b"ours")
        with pytest.raises(LeadsAway):
            beneath.write("../outside/file", b"ours")
        assert beneath.read("way/file", 10) is None
    assert (outside / "file").read_text() == "theirs" and [path.name for path in outside.iterdir()] == ["file"]
    assert (root / "end").read_text() == "ours" and not (root / "end").is_symlink()


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    """Reading where a named pipe lies is an error at once."""
    os.mkfifo(tmp_path / "pipe")
    with Beneath(tmp_path) as beneath, pytest.raises(LeadsAway):
        os.close(beneath.open("pipe"))


def test_a_mode_is_never_given_through_a_link(tmp_path: Path, outside: Path) -> None:
    """A link's mode is nothing; what it names keeps its own."""
    (outside / "file").chmod(0o600)
    (tmp_path / "link").symlink_to(outside / "file")
    with Beneath(tmp_path) as beneath:
        change_mode("link", beneath.handle, 0o777)
    assert (outside / "file").stat().st_mode & 0o777 == 0o600


def test_a_walk_follows_nothing_and_ends(tmp_path: Path, outside: Path) -> None:
    """A link is shown as one, and a bottomless tree is an error."""
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "link").symlink_to(outside)
    assert [found.path for found in walk(root)] == ["a", "a/b", "link"]
    with deep_folder(300) as deep, pytest.raises(LeadsAway, match="deep"):
        list(walk(deep))


def test_all_is_removed_however_deep(tmp_path: Path, outside: Path) -> None:
    """Deeper than Python calls itself and than a path is long; closed folders too; of links nothing but the link."""
    with deep_folder(1050) as root:
        (root / "closed/inner").mkdir(parents=True)
        (root / "closed").chmod(0)
        (root / "link").symlink_to(outside)
        remove(root)
        assert not root.exists() and (outside / "file").exists()
    (tmp_path / "only-a-link").symlink_to(outside)
    remove(tmp_path / "only-a-link")
    remove(tmp_path / "not there")
    assert not os.path.lexists(tmp_path / "only-a-link") and (outside / "file").exists()
