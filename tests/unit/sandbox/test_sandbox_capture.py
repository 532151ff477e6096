"""An overlay's upper folder as a tree; the marks are made as the kernel makes them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hubkiln.errors import BuildFailed
from hubkiln.sandbox.capture import capture, owner
from hubkiln.sandbox.identity import SHIFT, Identity
from hubkiln.trees import Tree


def same(number: int) -> int:
    """Owners as they are."""
    return 0


def paths(tree: Tree) -> list[str]:
    """Just the paths."""
    return [entry.path for entry in tree]


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    """An empty upper folder."""
    made = tmp_path / "upper"
    made.mkdir()
    return made


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    """A lower folder with `usr/lib/old`."""
    made = tmp_path / "lower"
    (made / "usr/lib").mkdir(parents=True)
    (made / "usr/lib/old").write_text("old")
    return made


def whiteout(path: Path) -> None:
    """Mark `path` as deleted."""
    try:
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
    except PermissionError:
        path.touch()
        os.setxattr(path, "user.overlay.whiteout", b"y")


def test_files_folders_and_links_are_captured_in_order(upper: Path) -> None:
    """Entries are sorted by path, whatever order the disk has, and say where their bytes are."""
    (upper / "b").mkdir()
    (upper / "b/file").write_text("12345")
    (upper / "a").symlink_to("/nowhere")
    (upper / "b-").write_text("")
    tree = capture(upper, (), same, same)
    assert paths(tree) == sorted(paths(tree)) == ["a", "b", "b-", "b/file"]
    file = next(entry for entry in tree if entry.path == "b/file")
    assert (file.size, file.source) == (5, upper / "b/file")


def test_a_deletion_is_kept_only_if_there_is_something_to_delete(upper: Path, lower: Path) -> None:
    """A whiteout over nothing would say nothing, and may hide what another layer has."""
    (upper / "usr/lib").mkdir(parents=True)
    whiteout(upper / "usr/lib/old")
    whiteout(upper / "usr/lib/never-there")
    tree = capture(upper, (lower,), same, same)
    assert paths(tree) == ["usr", "usr/lib", "usr/lib/.wh.old"]


def test_a_folder_that_was_made_again_says_what_is_gone_from_it(upper: Path, lower: Path) -> None:
    """The kernel marks every new folder; in an image that would hide other layers' folders of that name."""
    for path in ("usr/lib", "opt/new"):
        (upper / path).mkdir(parents=True)
        os.setxattr(upper / path, "user.overlay.opaque", b"y")
    tree = capture(upper, (lower,), same, same)
    assert paths(tree) == ["opt", "opt/new", "usr", "usr/lib", "usr/lib/.wh.old"]


def test_what_the_sandbox_itself_puts_there_is_left_out(upper: Path) -> None:
    """Mount points, caches and logs are no part of what a step made."""
    for path in ("proc", "tmp/x", "etc", "var/cache/apt/archives", "var/lib/apt/lists/x", "var/lib/app"):
        (upper / path).mkdir(parents=True)
    (upper / "etc/resolv.conf").touch()
    assert paths(capture(upper, (), same, same)) == ["etc", "var", "var/cache", "var/lib", "var/lib/app", "var/lib/apt"]


def test_parents_above_an_environment_are_included(upper: Path) -> None:
    """A layer carries all folders above its files."""
    (upper / "lib").mkdir()
    tree = capture(upper, (), same, same, below="srv/conda/envs/notebook")
    assert paths(tree) == [
        *("srv", "srv/conda", "srv/conda/envs", "srv/conda/envs/notebook", "srv/conda/envs/notebook/lib")
    ]


def test_a_reserved_name_is_refused(upper: Path) -> None:
    """A file called .wh.x would delete x in every image that has the layer."""
    (upper / ".wh.numpy").touch()
    with pytest.raises(BuildFailed, match="reserve"):
        capture(upper, (), same, same)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make devices")
def test_a_device_is_refused(upper: Path) -> None:
    """Device files never get into an image."""
    os.mknod(upper / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with pytest.raises(BuildFailed, match="device"):
        capture(upper, (), same, same)


def test_pipes_are_left_out_and_hard_links_become_files(upper: Path) -> None:
    """What somebody left lying about is no error."""
    os.mkfifo(upper / "pipe")
    (upper / "one").write_text("x")
    (upper / "two").hardlink_to(upper / "one")
    assert paths(capture(upper, (), same, same)) == ["one", "two"]


def test_compiled_files_that_carry_a_time_are_left_out(upper: Path) -> None:
    """Times are normalised, so such a file would be stale; one checked by hash stays."""
    (upper / "__pycache__").mkdir()
    (upper / "__pycache__/a.pyc").write_bytes(b"\xa7\r\r\n" + bytes(12))
    (upper / "__pycache__/b.pyc").write_bytes(b"\xa7\r\r\n\x01\x00\x00\x00" + bytes(8))
    assert paths(capture(upper, (), same, same)) == ["__pycache__", "__pycache__/b.pyc"]


@pytest.mark.parametrize(("on_disk", "inside"), [(64100, 1000), (SHIFT, 0), (SHIFT + 33, 33), (0, 0), (4711, 0)])
def test_owners_come_back_when_we_are_root(on_disk: int, inside: int) -> None:
    """Real owners become those of the image again."""
    identity = Identity(uid=64100, gid=64100, shift=SHIFT)
    assert owner(identity, 64100, root=True)(on_disk) == inside


def test_owners_come_back_for_an_ordinary_user() -> None:
    """In a user's step everything is 1000's; in a root step we were 0, and the range began at 1."""
    identity = Identity(uid=500, gid=500)
    assert owner(identity, 500, root=False)(500) == 1000
    as_root = owner(identity, 500, root=True, subordinate=(100000, 65536))
    assert [as_root(500), as_root(100000), as_root(100032)] == [0, 1, 33]
