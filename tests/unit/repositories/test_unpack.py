"""What strangers' archives may and may not put on disk."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives import entry, tarred, zipped
from hubkiln.beneath import Beneath
from hubkiln.errors import HubkilnError, TooLarge
from hubkiln.repositories.unpack import BadArchive, Room, is_archive, unpack


def unpacked(data: bytes, into: Path, *, size: int = 1 << 20, files: int = 100) -> list[str]:
    into.mkdir(exist_ok=True)
    with Beneath(into) as folder:
        return unpack(io.BytesIO(data), folder, Room(size, files))


def found(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("packing", ["zip", "", "gz", "bz2", "xz"])
def test_files_come_with_their_content_and_whether_they_run(packing: str, tmp_path: Path) -> None:
    """Zip and tar in each packing give the same files; of their modes only "may be run" is kept."""
    if packing == "zip":
        data = zipped({"a.txt": "one", "bin/postBuild": "#!"}, modes={"bin/postBuild": 0o104777})
    else:
        data = tarred(entry("a.txt", b"one"), entry("bin/postBuild", b"#!", mode=0o4777), packing=packing)
    assert is_archive(io.BytesIO(data))
    unpacked(data, tmp_path / "out")
    assert found(tmp_path / "out") == {"a.txt": "one", "bin/postBuild": "#!"}
    assert (tmp_path / "out/bin/postBuild").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out/a.txt").stat().st_mode & 0o7777 == 0o644


def test_a_single_folder_at_the_top_is_left_out(tmp_path: Path) -> None:
    """What is in it is what was meant, even if it holds one of its own name; what macOS adds does not count."""
    unpacked(zipped({"repo-1/repo-1": "x", "repo-1/b/c": "y", "__MACOSX/repo-1/._b": "z"}), tmp_path / "out")
    assert found(tmp_path / "out") == {"repo-1": "x", "b/c": "y"}


HOSTILE = {
    "up": tarred(entry("../x", b"x")),
    "up inside": zipped({"a/../../x": "x"}),
    "absolute": tarred(entry("/etc/x", b"x")),
    "absolute in zip": zipped({"/etc/x": "x"}),
    "through a link": tarred(entry("a", kind=tarfile.SYMTYPE, link="/tmp"), entry("a/x", b"x")),
    "through a link in zip": zipped({"a": "/tmp", "a/x": "x"}, modes={"a": 0o120777}),
    "hard link out": tarred(entry("a", kind=tarfile.LNKTYPE, link="../../etc/passwd")),
    "hard link to nothing": tarred(entry("a", kind=tarfile.LNKTYPE, link="b")),
    "hard link to a link": tarred(
        entry("b", kind=tarfile.SYMTYPE, link="/etc/passwd"), entry("a", kind=tarfile.LNKTYPE, link="b")
    ),
    "device": tarred(entry("a", kind=tarfile.CHRTYPE)),
    "pipe": tarred(entry("a", kind=tarfile.FIFOTYPE)),
    "device in zip": zipped({"a": ""}, modes={"a": 0o020644}),
    "file and folder": tarred(entry("a/b", b"x"), entry("a", b"y")),
    "folder below a file": tarred(entry("a", b"y"), entry("a/b", b"x")),
    "control characters": tarred(entry("a\nb", b"y")),
    "long name": tarred(entry("a" * 300, b"y")),
    "deep": tarred(entry("a/" * 250 + "x", b"y")),
    "cut": tarred(entry("a", os.urandom(5000)))[:2000],
    "cut zip": zipped({"a": os.urandom(5000)})[:2000],
    "long header": tarfile.TarInfo.create_pax_global_header({"comment": "x" * (2 << 20)}) + tarred(entry("a", b"x")),
    "holes": tarred(entry("a", kind=tarfile.GNUTYPE_SPARSE)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_leads_out_or_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    """The archive is refused as a whole, with a sentence, and nothing outside its folder is touched."""
    with pytest.raises(BadArchive, match="The archive was refused"):
        unpacked(HOSTILE[name], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "data",
    [
        zipped({"a": bytes(5 << 20)}),
        tarred(entry("a", bytes(5 << 20))),
        tarred(entry(".git/a", bytes(5 << 20))),
        tarred(entry("b", bytes(600_000)), *(entry(f"a{n}", kind=tarfile.LNKTYPE, link="b") for n in range(5))),
        zipped({f"a{n}": "" for n in range(200)}),
        tarred(*(entry(f"d{n}", kind=tarfile.DIRTYPE) for n in range(2000))),
    ],
    ids=["zip bomb", "tar bomb", "in what is left out", "hard links", "many files", "many folders"],
)
def test_what_grows_beyond_its_bounds_is_refused(data: bytes, tmp_path: Path) -> None:
    """Bytes, files and entries are counted while they are unpacked, whatever the headers say."""
    with pytest.raises(TooLarge):
        unpacked(data, tmp_path / "out")


def test_links_are_kept_and_never_followed(tmp_path: Path) -> None:
    """A link stays a link wherever it leads; a second name of a file is a copy of it."""
    data = tarred(
        entry("data", b"x"),
        entry("out", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        entry("again", kind=tarfile.LNKTYPE, link="data"),
    )
    unpacked(data, tmp_path / "out")
    assert found(tmp_path / "out") == {"data": "x", "out": "-> /etc/passwd", "again": "x"}
    assert (tmp_path / "out/data").stat().st_nlink == 1


def test_of_two_entries_of_one_name_the_later_counts(tmp_path: Path) -> None:
    """As with every unpacker; a link makes way and is not written through."""
    (tmp_path / "victim").write_text("mine")
    data = tarred(entry("a", kind=tarfile.SYMTYPE, link="../victim"), entry("a", b"x"), entry("b", b"y"))
    unpacked(data, tmp_path / "out")
    assert found(tmp_path / "out") == {"a": "x", "b": "y"}
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("name", [".git/config", "sub/.GIT/hooks/post-checkout", ".git/HEAD"])
def test_a_git_folder_is_left_out_and_said(name: str, tmp_path: Path) -> None:
    """Its configuration would be a stranger's, and git would believe it."""
    assert unpacked(zipped({name: "x", "a": "y"}), tmp_path / "out") == ["The archive's own .git is left out.\n"]
    assert found(tmp_path / "out") == {"a": "y"}


def test_odd_encodings_of_names_are_read(tmp_path: Path) -> None:
    """UTF-8 without its flag, DOS's own letters and backslashes all give the name that was meant."""
    unflagged = zipped({"grün.txt": "1"}).replace(b"\x00\x08", b"\x00\x00")
    dos = zipped({"a\\b.txt": "2"})
    at = dos.index(b"PK\x01\x02")
    unpacked(unflagged, tmp_path / "one")
    unpacked(dos[: at + 5] + b"\x00" + dos[at + 6 :], tmp_path / "two")
    assert found(tmp_path / "one") == {"grün.txt": "1"}
    assert found(tmp_path / "two") == {"b.txt": "2"}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([zipped({"a/b": "x" * 99, "c": "y"}), tarred(entry("a", b"x" * 99), packing="")]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_damaged_archive_is_unpacked_or_refused(data: bytes, damages: list[tuple[int, int]]) -> None:
    """Whatever bytes are changed, nothing but an error of ours is raised, and nothing lies beside the folder."""
    changed = bytearray(data)
    for at, value in damages:
        changed[at % len(changed)] = value
    with tempfile.TemporaryDirectory() as folder:
        with suppress(HubkilnError, OSError):
            unpacked(bytes(changed), Path(folder, "out"))
        assert [path.name for path in Path(folder).iterdir()] == ["out"]
