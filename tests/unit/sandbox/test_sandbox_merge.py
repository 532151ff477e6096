"""Layers merged into one folder show what an overlay of them would."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hubkiln.sandbox.merge import merge


def test_upper_layers_win_and_deletions_count(tmp_path: Path) -> None:
    """Replaced, deleted, opaque; a folder over a file and a file over a folder."""
    one, two = tmp_path / "1", tmp_path / "2"
    for path in ("same", "replaced", "deleted", "opaque/hidden", "file-to-folder", "folder-to-file/x", "both/1"):
        (one / path).parent.mkdir(parents=True, exist_ok=True)
        (one / path).write_text("one")
    for path in ("replaced", "opaque/new", "file-to-folder/x", "folder-to-file", "both/2"):
        (two / path).parent.mkdir(parents=True, exist_ok=True)
        (two / path).write_text("two")
    os.mknod(two / "deleted", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(two / "opaque", "user.overlay.opaque", b"y")
    (two / "both").chmod(0o710)
    merge((one, two), tmp_path / "merged")
    seen = {
        str(path.relative_to(tmp_path / "merged")): path.read_text()
        for path in (tmp_path / "merged").rglob("*")
        if path.is_file()
    }
    assert seen == {
        **{"same": "one", "replaced": "two", "opaque/new": "two"},
        **{"file-to-folder/x": "two", "folder-to-file": "two", "both/1": "one", "both/2": "two"},
    }
    assert stat.S_IMODE((tmp_path / "merged/both").stat().st_mode) == 0o710


def test_the_layers_are_as_they_were(tmp_path: Path) -> None:
    """Files are shared, links are not followed, nothing below is changed."""
    layer, outside = tmp_path / "layer", tmp_path / "outside"
    layer.mkdir()
    outside.mkdir()
    (layer / "file").write_text("x")
    (layer / "link").symlink_to(outside)
    top = tmp_path / "top"
    (top / "link").mkdir(parents=True)
    (top / "link/inside").write_text("y")
    merge((layer, top), tmp_path / "merged")
    assert (tmp_path / "merged/file").samefile(layer / "file")
    assert (layer / "link").is_symlink()
    assert list(outside.iterdir()) == []
    assert (tmp_path / "merged/link/inside").read_text() == "y"
