"""Layers: the same tree gives the same bytes, and three different readers find every file in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkiln.errors import BuildFailed, DiskFull, ServiceError
from hubkiln.images.estargz import FOOTER_SIZE, LANDMARK, TOC, TOC_DIGEST
from hubkiln.images.interface import Layer
from hubkiln.images.layers import pack_layer, write_layer
from hubkiln.trees import MTIME, Entry, Member, Source

TEXT = b"print('hello')\n" * 200


def folder(path: str, uid: int = 0) -> Entry:
    return Entry(path=path, mode=0o755, uid=uid, gid=uid)


def file(path: str, data: bytes = TEXT, *, source: Source | None = None, mode: int = 0o644, uid: int = 1000) -> Entry:
    return Entry(path=path, mode=mode, size=len(data), source=data if source is None else source, uid=uid, gid=uid)


def wheel(path: Path, files: dict[str, bytes], *, stored: bool = False) -> dict[str, Member]:
    """A zip of `files`; where each of them lies in it."""
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    found = {}
    raw = path.read_bytes()
    for info in zipfile.ZipFile(path).infolist():
        at = info.header_offset
        start = (
            at
            + 30
            + int.from_bytes(raw[at + 26 : at + 28], "little")
            + int.from_bytes(raw[at + 28 : at + 30], "little")
        )
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        found[info.filename] = Member(path, start, info.compress_size, info.file_size, info.CRC, deflated)
    return found


def sha(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def written(entries: list[Entry], **how: bool) -> tuple[Layer, bytes]:
    out = io.BytesIO()
    return write_layer(entries, out, **how), out.getvalue()


def unpacked(layer: bytes) -> dict[str, tarfile.TarInfo]:
    return {info.name: info for info in tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer)))}


def lazily_read(layer: bytes, descriptor_toc: str) -> dict[str, bytes]:
    """What a lazy snapshotter finds: footer, table of contents, then each file by itself, all digests checked."""
    footer = layer[-FOOTER_SIZE:]
    assert gzip.decompress(footer) == b"" and footer[12:14] == b"SG" and footer[32:38] == b"STARGZ"
    toc_tar = gzip.decompress(layer[int(footer[16:32], 16) : -FOOTER_SIZE])
    with tarfile.open(fileobj=io.BytesIO(toc_tar)) as tar:
        info = tar.next()
        assert info is not None and info.name == TOC
        opened = tar.extractfile(info)
        assert opened is not None
        toc = opened.read()
    assert sha(toc) == descriptor_toc
    files = {}
    for row in json.loads(toc)["entries"]:
        if row["type"] == "reg":
            data = b""
            if row["size"]:
                data = zlib.decompressobj(31).decompress(layer[row["offset"] :])
                assert sha(data) == row["chunkDigest"] == row["digest"]
            assert len(data) == row["size"]
            files[row["name"]] = data
    return files


@pytest.fixture
def tree(tmp_path: Path) -> list[Entry]:
    members = wheel(tmp_path / "a.whl", {"big.py": TEXT * 50, "empty": b""})
    kept = wheel(tmp_path / "b.whl", {"kept.bin": TEXT}, stored=True)
    (tmp_path / "disk").write_bytes(TEXT)
    return [
        file("srv/lib/kept.bin", source=kept["kept.bin"]),
        folder("srv", 0),
        folder("srv/lib", 1000),
        file("srv/lib/big.py", TEXT * 50, source=members["big.py"]),
        file("srv/lib/empty", b"", source=members["empty"]),
        file("srv/lib/disk", source=tmp_path / "disk", mode=0o755),
        file("srv/lib/memory", b"x"),
        Entry(path="srv/lib/link", mode=0o777, link="big.py"),
        file("srv/lib/" + "d" * 120, b"long"),
        file("srv/lib/naïve-文.py", b"unicode"),
    ]


def test_every_source_arrives_unchanged(tree: list[Entry]) -> None:
    """Files from memory, disk and both kinds of zip member are read back by an ordinary tar reader."""
    layer, data = written(tree)
    assert sha(data) == layer.descriptor.digest and len(data) == layer.descriptor.size
    plain = gzip.decompress(data)
    assert sha(plain) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        read = {info.name: tar.extractfile(info).read() for info in tar if info.isfile()}  # type: ignore[union-attr]
    assert read["srv/lib/big.py"] == TEXT * 50
    assert read["srv/lib/kept.bin"] == read["srv/lib/disk"] == TEXT
    assert (read["srv/lib/empty"], read["srv/lib/memory"]) == (b"", b"x")
    assert (read["srv/lib/" + "d" * 120], read["srv/lib/naïve-文.py"]) == (b"long", b"unicode")


def test_owner_mode_time_and_links_are_kept(tree: list[Entry]) -> None:
    """What the tree says of an entry is what the tar says, folders included."""
    infos = unpacked(written(tree)[1])
    assert (infos["srv"].uid, infos["srv"].mode, infos["srv"].isdir()) == (0, 0o755, True)
    assert (infos["srv/lib"].uid, infos["srv/lib/disk"].mode, infos["srv/lib/disk"].gid) == (1000, 0o755, 1000)
    assert infos["srv/lib/link"].linkname == "big.py"
    assert {info.mtime for info in infos.values()} == {MTIME}


def test_a_lazy_reader_finds_every_file(tree: list[Entry]) -> None:
    """Footer, table and random access work as the eStargz specification says."""
    layer, data = written(tree)
    files = lazily_read(data, layer.descriptor.annotations[TOC_DIGEST])
    assert files["srv/lib/big.py"] == TEXT * 50
    assert set(files) == {LANDMARK, *(entry.path for entry in tree if entry.source is not None)}
    in_toc = set(unpacked(data)) - {TOC}
    assert len(in_toc) == len(tree) + 1


def test_gnu_tar_and_gzip_agree(tree: list[Entry], tmp_path: Path) -> None:
    """The layer is an ordinary .tar.gz for ordinary tools."""
    write_layer(tree, tmp_path / "layer.tgz")
    subprocess.run(["gzip", "-t", tmp_path / "layer.tgz"], check=True)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "layer.tgz", "--no-same-owner", "-C", tmp_path / "out"], check=True)
    assert (tmp_path / "out/srv/lib/naïve-文.py").read_text() == "unicode"
    assert (tmp_path / "out/srv/lib/link").read_bytes() == TEXT * 50


def test_the_order_of_entries_does_not_matter(tree: list[Entry]) -> None:
    """The same tree in any order is the same layer, byte for byte."""
    first = written(tree)
    shuffled = tree.copy()
    random.Random(1).shuffle(shuffled)
    assert written(shuffled) == first


def test_wheel_bytes_are_copied_not_compressed_again(tmp_path: Path) -> None:
    """The deflate stream of a wheel's file is in the layer as it was in the wheel."""
    data = bytes(random.Random(2).choices(b"abcd", k=50_000))
    member = wheel(tmp_path / "a.whl", {"f": data})["f"]
    stream = (tmp_path / "a.whl").read_bytes()[member.offset : member.offset + member.compressed_size]
    assert stream in written([file("f", data, source=member)])[1]


def test_splicing_and_compressing_give_the_same_diff_id(tmp_path: Path) -> None:
    """How a file was compressed does not show in the uncompressed layer's digest."""
    member = wheel(tmp_path / "a.whl", {"f": TEXT})["f"]
    spliced, _ = written([file("f", source=member)], lazy=False)
    compressed, _ = written([file("f")], lazy=False)
    assert spliced.diff_id == compressed.diff_id


def test_without_a_table_of_contents_a_layer_is_only_its_tree(tree: list[Entry]) -> None:
    """`lazy=False` adds no file and no annotation."""
    layer, data = written(tree, lazy=False)
    assert set(unpacked(data)) == {entry.path for entry in tree}
    assert layer.descriptor.annotations == {}


def test_an_empty_tree_is_a_layer() -> None:
    """Nothing to add is no error."""
    assert unpacked(written([], lazy=False)[1]) == {}


def test_a_latin1_name_makes_a_plain_layer() -> None:
    """A file name that is not UTF-8 survives; only the table of contents is left out."""
    layer, data = written([file("caf\udce9", b"x")])
    assert layer.descriptor.annotations == {}
    assert set(unpacked(data)) == {"caf\udce9"}


@pytest.mark.parametrize("name", [".wh.numpy", ".wh..wh..opq"])
def test_deletion_marks_are_refused_unless_captured(name: str) -> None:
    """A wheel or repository cannot delete other layers' files; a captured run step can."""
    entries = [folder("srv"), file(f"srv/{name}", b"")]
    with pytest.raises(BuildFailed, match=r"\.wh\."):
        written(entries)
    assert f"srv/{name}" in unpacked(written(entries, whiteouts=True)[1])


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/./b", ".", "", TOC, LANDMARK, "a\0b"])
def test_paths_that_escape_or_collide_are_refused(path: str) -> None:
    """The last defence against a planner's mistake."""
    with pytest.raises(BuildFailed):
        written([folder("a"), file(path)])


@pytest.mark.parametrize("entries", [[file("a"), file("a")], [file("a/b")], [file("a"), file("a/b")]])
def test_a_path_twice_or_a_missing_folder_is_a_mistake_of_ours(entries: list[Entry]) -> None:
    """Engines would invent missing folders as root's."""
    with pytest.raises(ValueError):
        written(entries)


def lie(member: Member, **fields: int) -> Member:
    known = {"offset": member.offset, "compressed_size": member.compressed_size, "size": member.size, "crc": member.crc}
    return Member(archive=member.archive, deflated=member.deflated, **(known | fields))


@pytest.mark.parametrize("fields", [{"crc": 1}, {"size": 10}, {"size": 10**9}, {"compressed_size": 20}, {"offset": 0}])
@pytest.mark.parametrize("stored", [False, True])
def test_an_archive_that_lies_is_refused(tmp_path: Path, fields: dict[str, int], stored: bool) -> None:
    """Sizes, checksums and offsets that do not hold end in one sentence that names the wheel."""
    member = lie(wheel(tmp_path / "a.whl", {"f": TEXT, "g": TEXT}, stored=stored)["f"], **fields)
    if stored and "compressed_size" in fields:
        member = lie(member, size=len(TEXT))
    entry = Entry(path="f", mode=0o644, size=member.size, source=member)
    with pytest.raises(BuildFailed, match=r"a\.whl is damaged"):
        written([entry])


@pytest.mark.slow
def test_a_zip_bomb_is_stopped_at_its_declared_size(tmp_path: Path) -> None:
    """A stream that inflates to more than it says costs a few megabytes, not all memory."""
    member = wheel(tmp_path / "bomb.whl", {"f": b"\0" * 200_000_000})["f"]
    tracemalloc.start()
    with pytest.raises(BuildFailed):
        written([Entry(path="f", mode=0o644, size=1000, source=lie(member, size=1000))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.slow
def test_large_files_are_streamed(tmp_path: Path) -> None:
    """Memory does not grow with a file's size."""
    size = 100_000_000
    member = wheel(tmp_path / "a.whl", {"f": b"\0" * size})["f"]
    with (tmp_path / "disk").open("wb") as big:
        big.truncate(size)
    entries = [
        Entry(path="a", mode=0o644, size=size, source=member),
        Entry(path="b", mode=0o644, size=size, source=tmp_path / "disk"),
    ]
    tracemalloc.start()
    layer = write_layer(entries, tmp_path / "layer")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000 and layer.descriptor.size < 2_000_000


def test_a_file_that_changes_while_read_is_noticed(tmp_path: Path) -> None:
    """A size other than planned is an error, never a broken tar."""
    (tmp_path / "f").write_bytes(b"12345")
    for size in (4, 6):
        with pytest.raises(ServiceError, match="changed"):
            written([Entry(path="f", mode=0o644, size=size, source=tmp_path / "f")])


def test_a_link_put_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    """Between planning and reading nobody can swap a file for a link to a secret."""
    (tmp_path / "secret").write_bytes(b"12345")
    (tmp_path / "f").symlink_to(tmp_path / "secret")
    with pytest.raises(ServiceError):
        written([Entry(path="f", mode=0o644, size=5, source=tmp_path / "f")])


def test_a_failed_layer_leaves_no_file(tmp_path: Path) -> None:
    """Either the whole layer is there, or nothing."""
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ServiceError):
        write_layer([Entry(path="f", mode=0o644, size=9, source=b"1")], out / "layer")
    assert list(out.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_called_that() -> None:
    """No space left is told apart from other errors."""
    with pytest.raises(DiskFull), Path("/dev/full").open("wb", buffering=0) as full:
        write_layer([file("a")], full)


def test_huge_numbers_are_kept() -> None:
    """Owners and sizes beyond the old header's fields go into extended records."""
    entry = Entry(path="a", mode=0o644, size=1, source=b"x", uid=4_000_000_000, gid=3_000_000)
    info = unpacked(written([entry])[1])["a"]
    assert (info.uid, info.gid, info.size) == (4_000_000_000, 3_000_000, 1)


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=130)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, st.binary(max_size=2000), max_size=8), st.booleans())
def test_any_names_and_bytes_survive(files: dict[str, bytes], lazy: bool) -> None:
    """Whatever a file is called and holds, it is read back so."""
    ours = {TOC, LANDMARK, ".prefetch.landmark", ".", ".."}
    encodable = {}
    for name, data in files.items():
        try:
            name.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            continue
        if name not in ours and ".wh." not in name:
            encodable[name] = data
    _, data = written([file(name, content) for name, content in encodable.items()], lazy=lazy)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        read = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    expected = {name.encode("utf-8", "surrogateescape"): content for name, content in encodable.items()}
    found = {name.encode("utf-8", "surrogateescape"): content for name, content in read.items()}
    assert {name: found[name] for name in expected} == expected


def test_paths_of_every_length(tmp_path: Path) -> None:
    """Wherever a long path can or cannot be cut in two, both Python and GNU tar read it as it was."""
    entries = [folder("a"), folder("a/" + "d" * 150)]
    for length in range(90, 290):
        entries.append(file(f"a/{'d' * 150}/{'f' * (length - 90)}x", b"1"))  # cut after the long folder, or nowhere
        if length <= 250:
            entries.append(file(f"a/{'n' * (length - 2)}", b"2"))
    entries += [folder(f"a/{'d' * 150}/{'e' * count}") for count in range(95, 104)]
    layer = tmp_path / "layer.tar.gz"
    write_layer(entries, layer, lazy=False)
    wanted = sorted(entry.path for entry in entries)
    with tarfile.open(layer) as archive:
        assert sorted(archive.getnames()) == wanted
    listed = subprocess.run(["tar", "-tzf", layer], check=True, capture_output=True, text=True).stdout.splitlines()
    assert sorted(name.rstrip("/") for name in listed) == wanted


def test_a_tar_that_somebody_else_made_keeps_its_bytes(tmp_path: Path) -> None:
    """Packed, it inflates to the very same, whose digest is the diff ID."""
    tar = tmp_path / "layer.tar"
    tar.write_bytes(random.Random(1).randbytes(300_000) + b"\0" * 3_000_000)
    layer = pack_layer(tar, tmp_path / "layer.tar.gz")
    packed = (tmp_path / "layer.tar.gz").read_bytes()
    assert gzip.decompress(packed) == tar.read_bytes()
    assert (layer.diff_id, layer.descriptor.digest) == (sha(tar.read_bytes()), sha(packed))
    assert layer.descriptor.size == len(packed) < 400_000
