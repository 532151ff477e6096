"""Wheels that try to do harm are refused by name, before anything of them lies on disk."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import TooLarge, UserError
from hubkiln.packages.archive import USUAL, BadWheel, Bounds, chunks
from hubkiln.packages.interface import Layout
from hubkiln.packages.wheels import plan_wheel
from hubkiln.trees import Member
from wheels import make_wheel

LAYOUT = Layout(minor="3.11", prefix="p")

NAMES = {
    "parent": "../../evil.py",
    "inner-parent": "tiny/../../evil.py",
    "absolute": "/etc/passwd",
    "backslash": "tiny\\..\\evil.py",
    "dot": "./tiny.py",
    "double-slash": "tiny//x.py",
    "whiteout": "tiny/.wh.numpy",
    "opaque": ".wh..wh..opq",
    "newline": "tiny/a\nb.py",
    "long-name": "tiny/" + "x" * 300,
    "long-path": "/".join(["directory"] * 250),
    "data-parent": "tiny-1.0.data/data/../../../etc/cron.d/evil",
    "pyvenv.cfg": "tiny-1.0.data/data/pyvenv.cfg",
    "python": "tiny-1.0.data/scripts/python",
    "python3.11": "tiny-1.0.data/scripts/python3.11",
    "bin-data": "tiny-1.0.data/data/bin/python3",
    "lib64": "tiny-1.0.data/data/lib64/x",
    "bin-file": "tiny-1.0.data/data/bin",
    "unknown-scheme": "tiny-1.0.data/nowhere/x",
    "no-scheme": "tiny-1.0.data/scripts",
    "two-places": "tiny-1.0.data/purelib/tiny.py",
    "file-and-folder": "tiny.py/x.py",
}


def refused(wheel: Path, bounds: Bounds = USUAL) -> UserError:
    """The error that planning and reading `wheel` ends with."""
    with pytest.raises((BadWheel, TooLarge)) as caught:
        for entry in plan_wheel(wheel, LAYOUT, bounds):
            if isinstance(entry.source, Member):
                for _ in chunks(entry.source):
                    pass
    assert wheel.name in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_path_that_must_not_be(tmp_path: Path, name: str) -> None:
    """No file leaves the prefix, deletes anything, or replaces what makes the environment one."""
    refused(make_wheel(tmp_path, files={"tiny.py": "", name: "evil"}))


def test_a_nul_in_a_name(tmp_path: Path) -> None:
    """What follows a NUL is not silently cut off."""
    wheel = make_wheel(tmp_path, files={"tiny.py": "", "abcXdef.py": ""})
    wheel.write_bytes(wheel.read_bytes().replace(b"abcXdef.py", b"abc\0def.py"))
    refused(wheel)


POINTS = {
    "parent": "[console_scripts]\n../../evil = tiny:main\n",
    "python": "[console_scripts]\npython3 = tiny:main\n",
    "dots": "[console_scripts]\n.. = tiny:main\n",
    "whiteout": "[console_scripts]\n.wh.jupyter = tiny:main\n",
    "no-attribute": "[console_scripts]\nx = tiny\n",
    "code": "[console_scripts]\nx = tiny;import os:main\n",
    "not-ini": "console_scripts\n",
}


@pytest.mark.parametrize("text", POINTS.values(), ids=POINTS.keys())
def test_entry_points_that_must_not_be(tmp_path: Path, text: str) -> None:
    """A script's name cannot lead elsewhere, and its target cannot be code."""
    refused(make_wheel(tmp_path, entry_points=text))


def entry(name: str, **changes: int) -> zipfile.ZipInfo:
    """A directory entry with fields changed."""
    info = zipfile.ZipInfo(name)
    for field, value in changes.items():
        setattr(info, field, value)
    return info


def test_a_symbolic_link(tmp_path: Path) -> None:
    """Wheels cannot hold links."""
    info = entry("tiny/link", external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert "link" in refused(make_wheel(tmp_path, extra=[(info, b"/etc/passwd")])).message


def test_a_device(tmp_path: Path) -> None:
    """Nor devices."""
    refused(make_wheel(tmp_path, extra=[(entry("tiny/dev", external_attr=stat.S_IFCHR << 16), b"")]))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression(tmp_path: Path, method: int) -> None:
    """Only what every installer can read is taken."""
    refused(make_wheel(tmp_path, extra=[(entry("tiny/x", compress_type=method), b"x" * 100)]))


def test_the_same_name_twice_with_different_bytes(tmp_path: Path) -> None:
    """Two readers of the archive would see different files."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        wheel = make_wheel(tmp_path, files={"tiny.py": "a"}, extra=[(zipfile.ZipInfo("tiny.py"), b"b")])
    refused(wheel)


def patched(wheel: Path, change: Callable[[bytearray, int], None]) -> Path:
    """`wheel` with the central directory entry of its first file changed."""
    data = bytearray(wheel.read_bytes())
    change(data, data.index(b"PK\x01\x02"))
    wheel.write_bytes(data)
    return wheel


def test_an_encrypted_file(tmp_path: Path) -> None:
    """Nobody has the password."""

    def encrypt(data: bytearray, at: int) -> None:
        data[at + 8] |= 1

    assert "encrypted" in refused(patched(make_wheel(tmp_path), encrypt)).message


@pytest.mark.parametrize("lie", [3, 7_000_000], ids=["shorter", "longer"])
def test_a_lying_size(tmp_path: Path, lie: int) -> None:
    """What a file inflates to is held to what the directory says."""

    def size(data: bytearray, at: int) -> None:
        struct.pack_into("<I", data, at + 24, lie)

    refused(patched(make_wheel(tmp_path, files={"tiny.py": "x = 1\n" * 50}), size))


def test_a_lying_checksum(tmp_path: Path) -> None:
    """Damage is noticed."""

    def crc(data: bytearray, at: int) -> None:
        struct.pack_into("<I", data, at + 16, 1)

    assert "checksum" in refused(patched(make_wheel(tmp_path), crc)).message


def test_overlapping_files(tmp_path: Path) -> None:
    """Files that share compressed bytes, as in the best zip bombs."""
    data = bytearray(make_wheel(tmp_path, files={"a.py": "1" * 50, "b.py": "1" * 50}).read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    wheel.write_bytes(data)
    refused(wheel)


def test_a_local_name_that_differs(tmp_path: Path) -> None:
    """A reader that goes by local headers would see another file."""
    wheel = make_wheel(tmp_path, files={"tiny.py": ""})
    data = wheel.read_bytes()
    wheel.write_bytes(data.replace(b"tiny.py", b"evil.py", 1))
    refused(wheel)


def test_too_many_files(tmp_path: Path) -> None:
    """The number of files is bounded."""
    wheel = make_wheel(tmp_path, files={f"f{n}.py": "" for n in range(20)})
    assert isinstance(refused(wheel, Bounds(files=10)), TooLarge)


def test_a_zip_bomb(tmp_path: Path) -> None:
    """What unpacks to hundreds of times its size is refused from its directory alone."""
    wheel = make_wheel(tmp_path, files={"zeros": bytes(3_000_000)})
    assert isinstance(refused(wheel, Bounds(free_bytes=1_000_000)), TooLarge)


def test_too_large_unpacked(tmp_path: Path) -> None:
    """The whole is bounded too."""
    wheel = make_wheel(tmp_path, files={"x": bytes(1000)})
    assert isinstance(refused(wheel, Bounds(bytes=500)), TooLarge)


def test_metadata_too_large_for_memory(tmp_path: Path) -> None:
    """What must be read whole is bounded more tightly."""
    wheel = make_wheel(tmp_path, entry_points="#" * 5000)
    assert isinstance(refused(wheel, Bounds(in_memory=4000)), TooLarge)


@pytest.mark.parametrize("missing", ["WHEEL", "METADATA", "RECORD"])
def test_a_missing_description(tmp_path: Path, missing: str) -> None:
    """A wheel without its own description is none."""
    assert missing in refused(make_wheel(tmp_path, left_out=[missing])).message


def test_no_dist_info(tmp_path: Path) -> None:
    """A zip archive is not yet a wheel."""
    refused(make_wheel(tmp_path, left_out=["WHEEL", "METADATA", "RECORD"]))


def test_two_dist_infos(tmp_path: Path) -> None:
    """It must be clear which package it is."""
    refused(make_wheel(tmp_path, files={"other-2.0.dist-info/METADATA": "x"}))


@pytest.mark.parametrize(
    "filename",
    ["other-1.0-py3-none-any.whl", "tiny-2.0-py3-none-any.whl", "tiny.whl"],
    ids=["name", "version", "not-a-wheel"],
)
def test_a_name_that_is_not_its_own(tmp_path: Path, filename: str) -> None:
    """The file name and the content must agree."""
    refused(make_wheel(tmp_path, filename=filename))


def test_another_wheel_version(tmp_path: Path) -> None:
    """A format of the future is not guessed at."""
    refused(make_wheel(tmp_path, metadata={"WHEEL": "Wheel-Version: 2.0\n"}))


@pytest.mark.parametrize("record", [b"\xff\xfe", b'"unterminated'], ids=["not-utf-8", "not-csv"])
def test_a_record_that_cannot_be_read(tmp_path: Path, record: bytes) -> None:
    """Refused, not crashed over."""
    refused(make_wheel(tmp_path, metadata={"RECORD": record}))


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "no-files"])
def test_not_an_archive(tmp_path: Path, data: bytes) -> None:
    """Anything else is refused by name."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    wheel.write_bytes(data)
    refused(wheel)


def test_a_truncated_archive(tmp_path: Path) -> None:
    """Half a wheel is none."""
    wheel = make_wheel(tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:-30])
    refused(wheel)
