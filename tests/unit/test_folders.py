"""What is kept is there whole, or counts as not there."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from closed import NOT_ALLOWED, closed
from hubkiln.errors import DiskFull, ServiceError
from hubkiln.folders import check_space, disk_told, keep_note, no_folder, put, read_note, settle, writable, write_whole

CUT = [b"", b"{", b'{"a": [1, ', b"\0" * 20, b"\xff\xfe", b"[1]", b"null"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond ten bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("data", CUT)
def test_a_note_that_is_cut_is_not_there_and_can_be_kept_again(tmp_path: Path, data: bytes) -> None:
    """As a power cut or a full disk may have left it."""
    path = tmp_path / "folder/note.json"
    keep_note(path, {"a": [1, 2]})
    path.write_bytes(data)
    assert read_note(path) is None
    keep_note(path, {"a": 3})
    assert read_note(path) == {"a": 3}


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path) -> None:
    """The error is told, the old bytes stay, and nothing else lies beside them."""
    path = tmp_path / "note"
    write_whole(path, b"old")
    with full_disk(), pytest.raises(OSError, match="large"):
        write_whole(path, b"new" * 100)
    assert path.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["note"]


def test_a_long_name_is_no_problem(tmp_path: Path) -> None:
    """The unfinished file's name is not longer than the system allows."""
    path = tmp_path / ("n" * 255)
    write_whole(path, b"x")
    assert path.read_bytes() == b"x"


def test_of_two_folders_the_first_stays(tmp_path: Path) -> None:
    """Whoever comes second finds it made, and its own is removed or told to be left."""
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    final = tmp_path / "deep/final"
    assert settle(tmp_path / "one", final) and not settle(tmp_path / "two", final)
    put(tmp_path / "three", final)
    assert (final / "file").read_text() == "one"
    assert (tmp_path / "two").exists() and not (tmp_path / "three").exists()


def test_a_disk_without_room_is_known_before_anything_is_begun(tmp_path: Path) -> None:
    """With how much there is, and what makes room."""
    check_space(tmp_path, least=1)
    with pytest.raises(DiskFull, match=r"no space left on the disk for this build: \d+ MB are free") as caught:
        check_space(tmp_path, least=2**62)
    assert "hubkiln gc" in caught.value.hint


def test_a_folder_that_takes_no_writes_is_told(tmp_path: Path) -> None:
    """To who builds without its path, as who looks on is told; a mistake of ours stays one."""
    (tmp_path / "file").touch()
    with closed(tmp_path / "file", tmp_path):
        assert writable(tmp_path) in NOT_ALLOWED and writable(tmp_path / "file") in NOT_ALLOWED
        with pytest.raises(ServiceError, match="cannot be written") as caught, disk_told():
            (tmp_path / "new").touch()
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(FileNotFoundError), disk_told():
        (tmp_path / "new").read_bytes()
    with pytest.raises(DiskFull), disk_told():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert writable(tmp_path) == "" and "No such file" in writable(tmp_path / "new")


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ("docs/intro.ipynb", "`docs/intro.ipynb` is a file of the repository, not a folder.", "it is in: `docs`"),
        ("intro.ipynb", "`intro.ipynb` is a file of the repository, not a folder.", "leave the folder out"),
        ("./docs//intro.ipynb", "is a file of the repository", "it is in: `docs`"),
        ("Docs", "The repository has no folder `Docs`.", "capitals included"),
        ("docs/out", "The repository has no folder `docs/out`.", "spelling"),
    ],
)
def test_a_file_in_a_folders_place_is_told_from_nothing(tmp_path: Path, asked: str, said: str, hint: str) -> None:
    """A link that leads out of the repository tells nobody what is there."""
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    for path in (tmp_path / "outside", root / "intro.ipynb", root / "docs/intro.ipynb"):
        path.write_text("{}")
    (root / "docs/out").symlink_to(tmp_path / "outside")
    told = no_folder(root, asked)
    assert said in told[0] and hint in told[1]
