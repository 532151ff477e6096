"""What a data folder promises to those who keep things in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.database.interface import check_writable


@pytest.mark.parametrize("there", ["nothing", "an open folder", "open stores"])
def test_nobody_else_reads_it(tmp_path: Path, there: str) -> None:
    """Whoever made the folder, or copied it from elsewhere, it is closed to everybody else."""
    data = DataDir(tmp_path / "data")
    if there != "nothing":
        data.root.mkdir(mode=0o755)
    if there == "open stores":
        for name in ("wheels", "trees", "homes"):
            (data.root / name).mkdir(mode=0o755)
    assert data.make().root.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_other_things_in_it_stays_as_open_as_it_was(tmp_path: Path) -> None:
    """What is made in it is closed, all the same."""
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("mine")
    data = DataDir(tmp_path).make()
    assert data.root.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_dir()} == {0o700}


def test_nobody_else_reads_the_records(tmp_path: Path) -> None:
    """The database's file is its owner's alone, also one that an earlier version left open."""
    check_writable(new := tmp_path / "new.sqlite")
    (old := tmp_path / "old.sqlite").touch(0o644)
    old.chmod(0o644)
    check_writable(old)
    assert {path.stat().st_mode & 0o777 for path in (new, old)} == {0o600} and os.access(new, os.W_OK)


def test_what_is_open_inside_stays_open(tmp_path: Path) -> None:
    """Another process may be reading there as nobody, while this one opens the folder too."""
    data = DataDir(tmp_path / "data").make()
    data.wheels.chmod(0o755)
    data.make()
    assert data.wheels.stat().st_mode & 0o777 == 0o755
