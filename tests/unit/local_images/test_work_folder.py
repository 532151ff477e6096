"""Unfinished things: the dead's are removed, the living's are not."""

from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.local_images.work_folder import in_use


def test_what_the_dead_left_is_removed(tmp_path: Path) -> None:
    """Files, folders that nobody may read, and links; the link's target stays."""
    data = DataDir(tmp_path / "data").make()
    (data.work / "content-1/closed").mkdir(parents=True)
    (data.work / "content-1/closed").chmod(0)
    (data.work / "wheel-1").write_text("half")
    (tmp_path / "mine").mkdir()
    (data.work / "link").symlink_to(tmp_path / "mine")
    with in_use(data):
        assert list(data.work.iterdir()) == []
    assert (tmp_path / "mine").is_dir()


def test_what_others_work_on_stays(tmp_path: Path) -> None:
    """A second builder on the same folder removes nothing of the first; the third, after both, does."""
    data = DataDir(tmp_path / "data").make()
    with in_use(data):
        (data.work / "wheel-1").write_text("half")
        with in_use(data):
            assert (data.work / "wheel-1").exists()
        with in_use(data):
            assert (data.work / "wheel-1").exists()
    with in_use(data):
        assert not (data.work / "wheel-1").exists()
