"""Layers of other people's images: unpacked as they mean it, never outside their folder."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from hubkiln.errors import TooLarge, Unsupported
from hubkiln.sandbox.identity import SHIFT, Identity, current
from hubkiln.sandbox.unpack import unpack

ME = current()


def member(name: str, content: bytes | None = b"", **more: object) -> tuple[tarfile.TarInfo, bytes | None]:
    """A tar member."""
    info = tarfile.TarInfo(name)
    info.mode, info.mtime, info.size = 0o644, 1000, len(content or b"")
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def folder(name: str, **more: object) -> tuple[tarfile.TarInfo, None]:
    """A folder member."""
    return member(name, None, **{"type": tarfile.DIRTYPE, "mode": 0o755, **more})[0], None


def link(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    """A symbolic link member."""
    return member(name, None, type=tarfile.SYMTYPE, linkname=target)[0], None


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    """A hard link member."""
    return member(name, None, type=tarfile.LNKTYPE, linkname=target)[0], None


def tar(*members: tuple[tarfile.TarInfo, bytes | None]) -> bytes:
    """A tar file of `members`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


def put(into: Path, *members: tuple[tarfile.TarInfo, bytes | None], lowers: tuple[Path, ...] = ()) -> Path:
    """Unpack `members`."""
    unpack(io.BytesIO(tar(*members)), into, ME, lowers=lowers)
    return into


def test_a_plain_layer_is_what_it_says(tmp_path: Path) -> None:
    """Files, folders, links, hard links, modes and times; the count comes back."""
    data = tar(folder("./etc/"), member("./etc/f", b"abc", mode=0o600), link("l", "etc/f"), hard("h", "./etc/f"))
    done = unpack(io.BytesIO(data), tmp_path / "a", ME)
    assert (done.entries, done.size) == (4, 3)
    file = tmp_path / "a/etc/f"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode), file.stat().st_mtime) == ("abc", 0o600, 1000)
    assert (tmp_path / "a/l").readlink() == Path("etc/f")
    assert (tmp_path / "a/h").samefile(file)


def test_gzip_and_zstd_are_recognised(tmp_path: Path) -> None:
    """By their first bytes, several gzip members in a row included."""
    data = tar(member("f", b"x" * 100_000))
    split = gzip.compress(data[:700]) + gzip.compress(data[700:])
    unpack(io.BytesIO(split), tmp_path / "gzip", ME)
    assert (tmp_path / "gzip/f").stat().st_size == 100_000
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout
        unpack(io.BytesIO(packed), tmp_path / "zstd", ME)
        assert (tmp_path / "zstd/f").stat().st_size == 100_000


def test_deletions_become_what_the_kernel_wants(tmp_path: Path) -> None:
    """A whiteout is the device 0:0, an opaque folder has an attribute."""
    made = put(tmp_path / "a", folder("d"), member("d/.wh..wh..opq"), member("d/.wh.gone"))
    what = (made / "d/gone").lstat()
    assert stat.S_ISCHR(what.st_mode)
    assert what.st_rdev == 0
    assert os.getxattr(made / "d", "user.overlay.opaque") == b"y"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "a/.."])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    """The whole layer is given up, and nothing of it is left."""
    with pytest.raises(Unsupported, match="unsafe"):
        put(tmp_path / "a", member("fine"), member(name, b"evil"))
    assert list(tmp_path.iterdir()) == []


def test_an_absolute_path_is_below_the_root(tmp_path: Path) -> None:
    """As every runtime has it."""
    assert (put(tmp_path / "a", member("/etc/f", b"x")) / "etc/f").read_text() == "x"


@pytest.mark.parametrize("target", ["/", "../../..", "{tmp}"])
def test_nothing_is_written_through_a_link_of_the_layer(tmp_path: Path, target: str) -> None:
    """A link to outside leads inside, as the image itself would see it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    goal = target.format(tmp=outside)
    made = put(tmp_path / "layer/a", link("out", goal), member("out/evil", b"x"))
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "evil").exists()
    assert [path.name for path in made.rglob("evil") if not path.is_symlink()] == ["evil"]


def test_a_link_of_a_layer_below_is_followed_inside(tmp_path: Path) -> None:
    """Debian's ``lib`` is a link to ``usr/lib``: a later layer's ``lib/x`` must not replace the link by a folder."""
    base = put(tmp_path / "a", folder("usr", mode=0o750), folder("usr/lib"), link("lib", "usr/lib"))
    made = put(tmp_path / "b", member("lib/x", b"x"), lowers=(base,))
    assert (made / "usr/lib/x").read_text() == "x"
    assert not os.path.lexists(made / "lib")
    assert stat.S_IMODE((made / "usr").stat().st_mode) == 0o750


def test_a_link_that_is_replaced_leads_elsewhere_from_then_on(tmp_path: Path) -> None:
    """Even where what it covers is a link below that leads nowhere."""
    below = put(tmp_path / "a", link("lib", "x"))
    above = put(
        tmp_path / "b", member("lib/one", b"1"), link("lib", "y"), folder("y"), member("lib/two", b"2"), lowers=(below,)
    )
    assert (above / "x/one").read_bytes() == b"1"
    assert (above / "y/two").read_bytes() == b"2"


def test_a_hard_link_may_point_into_a_layer_below(tmp_path: Path) -> None:
    """It becomes a copy; one that points nowhere is refused."""
    base = put(tmp_path / "a", member("f", b"x"))
    assert (put(tmp_path / "b", hard("g", "f"), lowers=(base,)) / "g").read_text() == "x"
    with pytest.raises(Unsupported, match="not there"):
        put(tmp_path / "c", hard("g", "f"))


def test_a_hard_link_through_a_link_stays_inside(tmp_path: Path) -> None:
    """No file of the host can be linked into a layer."""
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(Unsupported, match="not there"):
        put(tmp_path / "a", link("out", str(tmp_path)), hard("g", "out/secret"))


def test_devices_and_pipes_are_left_out(tmp_path: Path) -> None:
    """A sandbox has its own /dev."""
    device = member("dev/sda", None, type=tarfile.BLKTYPE, devmajor=8)
    pipe = member("pipe", None, type=tarfile.FIFOTYPE)
    made = put(tmp_path / "a", device, pipe, member("f"))
    assert [path.name for path in made.rglob("*") if not path.is_dir()] == ["f"]


def test_set_uid_bits_do_not_reach_the_disk(tmp_path: Path) -> None:
    """They mean nothing inside a sandbox, and must mean nothing outside."""
    made = put(tmp_path / "a", member("su", b"x", mode=0o4755))
    assert stat.S_IMODE((made / "su").stat().st_mode) == 0o755


def test_a_later_entry_replaces_an_earlier_one(tmp_path: Path) -> None:
    """Folder by file, file by folder, link by file."""
    made = put(
        tmp_path / "a",
        *(folder("d"), member("d/x"), member("d", b"file")),
        *(member("f"), folder("f"), member("f/y")),
        *(link("l", "d"), member("l", b"plain")),
    )
    assert (made / "d").read_text() == "file"
    assert (made / "f/y").exists()
    assert not (made / "l").is_symlink()


def test_a_closed_folder_can_be_filled(tmp_path: Path) -> None:
    """Modes of folders are set last."""
    made = put(tmp_path / "a", folder("d", mode=0o500), member("d/x", b"x"))
    assert (made / "d/x").read_text() == "x"
    assert stat.S_IMODE((made / "d").stat().st_mode) == 0o500


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    """Size is bounded after decompression, and nothing is left."""
    data = gzip.compress(tar(member("zeros", bytes(5_000_000))))
    with pytest.raises(TooLarge):
        unpack(io.BytesIO(data), tmp_path / "a", ME, most_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_folders_that_come_and_go_take_no_time(tmp_path: Path) -> None:
    """Among thousands, each may become a file and a folder again; links in place of them are not gone through."""
    many = [folder(f"d/{n}") for n in range(4000)]
    turns = [part for n in range(300) for part in (folder(f"x/{n}/y", mode=0o700), member(f"x/{n}"))]
    outside = tmp_path / "outside"
    (outside / "y").mkdir(parents=True, mode=0o755)
    data = tar(*many, *turns, folder("l/y", mode=0o700), link("l", str(outside)))
    begun = time.process_time()
    unpack(io.BytesIO(data), tmp_path / "a", ME)
    assert time.process_time() - begun < 3
    assert (tmp_path / "a/x/299").is_file() and (tmp_path / "a/l").is_symlink()
    assert stat.S_IMODE((outside / "y").stat().st_mode) == 0o755


def holes(name: str, size: int) -> bytes:
    """A tar file of one file, of which it holds nothing: all is a hole, as GNU's tar writes it."""
    info = member(name, type=tarfile.GNUTYPE_SPARSE)[0]
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0%011o\0" % (size, 0)
    block[483:495] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(2 * tarfile.BLOCKSIZE)


def test_what_is_not_in_the_tar_counts_too(tmp_path: Path) -> None:
    """A file of holes, and links to one of a layer below, each of which is a copy: a few bytes fill no disk."""
    unpack(io.BytesIO(holes("f", 700_000)), tmp_path / "below", ME)
    assert (tmp_path / "below/f").stat().st_size == 700_000
    links = tar(*(hard(name, "f") for name in "ab"))
    for data, lowers in ((holes("f", 2_000_000), ()), (links, (tmp_path / "below",))):
        with pytest.raises(TooLarge):
            unpack(io.BytesIO(data), tmp_path / "a", ME, lowers=lowers, most_bytes=1_000_000)
        assert [path.name for path in tmp_path.iterdir()] == ["below"]


@pytest.mark.parametrize("cut", [1, 100, 600, 5000])
def test_a_damaged_layer_is_refused(tmp_path: Path, cut: int) -> None:
    """Cut short anywhere, it is an error in words, and nothing is left."""
    data = gzip.compress(tar(member("f", os.urandom(8000))))
    with pytest.raises(Unsupported, match="damaged"):
        unpack(io.BytesIO(data[:cut] if cut > 1 else b"\x1f\x8b" + b"nonsense" * 9), tmp_path / "a", ME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_are_shifted_when_we_are_root(tmp_path: Path) -> None:
    """No file of an image belongs to the host's root: its root is shifted, its user is the sandbox's."""
    identity = Identity(uid=64100, gid=64100, shift=SHIFT)
    data = tar(*(member(str(uid), b"", uid=uid, gid=uid) for uid in (0, 33, 1000, 2**21)))
    unpack(io.BytesIO(data), tmp_path / "a", identity)
    owners = {path.name: path.stat().st_uid for path in (tmp_path / "a").iterdir()}
    assert owners == {"0": SHIFT, "33": SHIFT + 33, "1000": 64100, str(2**21): SHIFT + 65535}
    assert (tmp_path / "a").stat().st_uid == SHIFT
