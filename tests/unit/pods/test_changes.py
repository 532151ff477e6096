"""What an agent sends is believed in nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
from pathlib import Path
from typing import Any

import pytest

from hubkiln.errors import BuildFailed, ServiceError
from hubkiln.pods.changes import lay
from hubkiln.sandbox import OWNER_NOTE, Identity

OURSELVES = Identity(uid=os.geteuid(), gid=os.getegid())
FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


def sent(*changes: tuple[Any, ...], end: bool = True) -> io.BytesIO:
    """What an agent would send: ``(path, mode, content or link)``, and an owner."""
    out = io.BytesIO()
    for path, mode, content, *owner in changes:
        link = content if stat.S_ISLNK(mode) else ""
        body = content if stat.S_ISREG(mode) else b""
        header = json.dumps([path, mode, *(owner or (1000, 1000)), len(body), link]).encode()
        out.write(struct.pack(">I", len(header)) + header + body)
    if end:
        out.write(struct.pack(">I", 0))
        out.write(hashlib.sha256(out.getvalue()).digest())
    return io.BytesIO(out.getvalue())


def test_each_path_goes_where_its_place_is_kept(tmp_path: Path) -> None:
    """What is in an environment to that of the environment, the rest to the root."""
    places = {"/": tmp_path / "root", "/srv/env": tmp_path / "env"}
    stream = sent(
        ("srv", FOLDER, b""), ("srv/env", FOLDER, b""), ("srv/env/a", FILE, b"1"), ("srv/environs", FILE, b"2")
    )
    lay(stream, places, OURSELVES, root=False)
    assert (tmp_path / "env/a").read_bytes() == b"1" and (tmp_path / "root/srv/environs").read_bytes() == b"2"
    assert not (tmp_path / "root/srv/env").exists()


@pytest.mark.parametrize(
    "changes",
    [
        [("../out", FILE, b"x")],
        [("/etc/x", FILE, b"x")],
        [("a//b", FILE, b"x")],
        [("a", LINK, "/tmp"), ("a/b", FILE, b"x")],
        [("a/b", FILE, b"x")],
        [("a", FILE, b"x"), ("a", FILE, b"y")],
        [("a\0b", FILE, b"x")],
        [("a", FILE | 1 << 20, b"x")],
        [("a", FILE, b"x", -1, 0)],
        [("a" * 70_000, FILE, b"x")],
        [("a" * 300, FILE, b"x")],
        [("/".join("a" * 200 for _ in range(depth)), FOLDER, b"") for depth in range(1, 30)],
        [("\ud800", FILE, b"x")],
        [("a", LINK, "")],
        [(7, FILE, b"x")],
        [("a", FILE, b"x", 1 << 40, 0)],
    ],
)
def test_what_leads_elsewhere_is_refused(tmp_path: Path, changes: list[tuple[Any, ...]]) -> None:
    """Nothing is written but below the folder, through no link."""
    with pytest.raises(ServiceError, match="cannot be read"):
        lay(sent(*changes), {"/": tmp_path / "root"}, OURSELVES, root=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]


def test_what_ends_early_or_differs_is_refused(tmp_path: Path) -> None:
    """A stream that was cut, and one of which a byte has changed."""
    with pytest.raises(ServiceError, match="ends early"):
        lay(sent(("a", FILE, b"x"), end=False), {"/": tmp_path / "one"}, OURSELVES, root=False)
    changed = io.BytesIO(sent(("a", FILE, b"xyz")).getvalue().replace(b"xyz", b"xyZ"))
    with pytest.raises(ServiceError, match="hash"):
        lay(changed, {"/": tmp_path / "two"}, OURSELVES, root=False)


@pytest.mark.parametrize(
    "header", [b"[" * 60_000, b'["a", 1e400, 0, 0, 0, ""]', f'["a", {"9" * 40}, 0, 0, 0, ""]'.encode(), b"{}"]
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path: Path, header: bytes) -> None:
    """As damaged: it breaks nothing else."""
    with pytest.raises(ServiceError, match="cannot be read"):
        lay(io.BytesIO(struct.pack(">I", len(header)) + header), {"/": tmp_path / "root"}, OURSELVES, root=False)


def test_a_place_cannot_be_removed_nor_a_device_brought(tmp_path: Path) -> None:
    """Both are the step's own fault."""
    places = {"/": tmp_path / "root", "/srv/env": tmp_path / "env"}
    for changes in ([("srv", FOLDER, b""), ("srv/env", 0, b"")], [("null", stat.S_IFCHR | 0o666, b"")]):
        with pytest.raises(BuildFailed):
            lay(sent(*changes), places, OURSELVES, root=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root keeps owners on disk")
def test_whose_files_are_is_noted_where_we_are_not_root(tmp_path: Path) -> None:
    """And they stay readable for us."""
    lay(sent(("a", stat.S_IFREG, b"x", 33, 50)), {"/": tmp_path / "root"}, OURSELVES, root=True)
    assert os.getxattr(tmp_path / "root/a", OWNER_NOTE) == b"33 50 0" and (tmp_path / "root/a").read_bytes() == b"x"


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("uid", [0, 1000])
def test_no_user_makes_a_program_that_has_anothers_rights(tmp_path: Path, root: bool, uid: int) -> None:
    """A step's user may send what they like: what is another's keeps no set-user-id, unless the step was root."""
    lay(sent(("a", stat.S_IFREG | 0o4755, b"x", uid, uid)), {"/": tmp_path / "root"}, OURSELVES, root=root)
    kept = 0o4755 if root or uid == 1000 else 0o755
    assert (tmp_path / "root/a").stat().st_mode & 0o6777 == kept
