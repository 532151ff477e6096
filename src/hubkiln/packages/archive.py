"""Opens a wheel's zip archive without trusting it: its directory is checked before a byte of content is read.

What passes is a table of :class:`hubkiln.trees.Member`; reading one streams and never yields more than it declared.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from isal import isal_zlib

from hubkiln.beneath import DEEPEST
from hubkiln.errors import BuildFailed, TooLarge
from hubkiln.trees import Member

CHUNK = 1 << 18
_PLAIN = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,255}", re.ASCII)
"""What almost every path is; the rest is looked at more closely."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_CannotInflate = cast("type[Exception]", isal_zlib.IsalError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a wheel may become; beyond is a zip bomb or a mistake."""

    files: int = 200_000
    bytes: int = 16 << 30
    """All files together, unpacked."""

    ratio: int = 200
    """Unpacked bytes per packed byte, counted above `free_bytes`."""

    free_bytes: int = 256 << 20
    """Unpacked bytes at which the ratio begins to count: a few megabytes of zeros are no attack."""

    in_memory: int = 32 << 20
    """Largest file (metadata, script) that is read whole."""

    scripts: int = 5_000
    """Commands made for it: a line in its metadata is a file here, so a small file could become any number of them."""


USUAL = Bounds()


class BadWheel(BuildFailed):
    """A package's file is damaged or malicious."""

    code = "bad_wheel"

    def __init__(self, wheel: str, reason: str) -> None:
        super().__init__(
            f"The package file {wheel} was refused: {reason}.",
            hint="Choose another version of it, and tell its authors.",
        )


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of an archive."""

    member: Member
    executable: bool


def read_directory(path: Path, bounds: Bounds) -> dict[str, Packed]:
    """
    Every file of the archive by its name, in archive order; folders are left out.

    Raises:
        BadWheel: not a zip archive, or anything in it that a wheel has no business with.
        TooLarge: beyond `bounds`.
    """
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            infos = archive.infolist()
            _check_sizes(path, infos, bounds)
            found: dict[str, Packed] = {}
            for info in infos:
                _check(path.name, info)
                if not info.is_dir():
                    packed = Packed(_member(path, raw.fileno(), info), bool(info.external_attr >> 16 & 0o111))
                    _put(path.name, found, info.filename, packed)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, struct.error, UnicodeError) as error:
        raise BadWheel(path.name, f"it is not a readable zip archive ({error})") from error
    _check_overlaps(path.name, found)
    return found


def chunks(member: Member) -> Iterator[bytes]:
    """
    The bytes of `member`, inflated, piece by piece.

    Raises:
        BadWheel: more or fewer bytes than declared, or another checksum.
    """
    with member.archive.open("rb") as raw:
        yield from chunks_of(raw.fileno(), member)


def chunks_of(handle: int, member: Member) -> Iterator[bytes]:
    """The same where the archive is open already."""
    crc, left = 0, member.size
    for piece in _inflated(handle, member):
        left -= len(piece)
        if left < 0:
            raise BadWheel(member.archive.name, "a file in it is longer than it says")
        crc = zlib.crc32(piece, crc)
        yield piece
    if left:
        raise BadWheel(member.archive.name, "a file in it is shorter than it says")
    if crc != member.crc:
        raise BadWheel(member.archive.name, "a file in it does not match its checksum")


def read(member: Member, bounds: Bounds) -> bytes:
    """All bytes of a small `member`; raises BadWheel, or TooLarge beyond what may be in memory."""
    if member.size > bounds.in_memory:
        raise TooLarge(f"A description or script in {member.archive.name} is larger than {bounds.in_memory} bytes.")
    return b"".join(chunks(member))


def _inflated(handle: int, member: Member) -> Iterator[bytes]:
    end, at = member.offset + member.compressed_size, member.offset
    engine = isal_zlib.decompressobj(-zlib.MAX_WBITS) if member.deflated and member.compressed_size else None
    while at < end:
        packed = os.pread(handle, min(CHUNK, end - at), at)
        if not packed:
            raise BadWheel(member.archive.name, "it ends too early")
        at += len(packed)
        if engine is None:
            yield packed
            continue
        try:
            while packed:
                yield engine.decompress(packed, CHUNK)
                packed = engine.unconsumed_tail
        except _CannotInflate as error:
            raise BadWheel(member.archive.name, "a file in it cannot be inflated") from error
    if engine is not None:
        if rest := engine.flush():
            yield rest
        if not engine.eof or engine.unused_data:
            raise BadWheel(member.archive.name, "a file in it is cut short or followed by something else")


def _check_sizes(path: Path, infos: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    unpacked, packed = sum(info.file_size for info in infos), path.stat().st_size
    if len(infos) > bounds.files:
        raise TooLarge(f"The package file {path.name} holds {len(infos)} files; at most {bounds.files} are taken.")
    if unpacked > bounds.bytes or unpacked > bounds.free_bytes + bounds.ratio * packed:
        raise TooLarge(
            f"The package file {path.name} would unpack to {unpacked} bytes, far more than its {packed} bytes allow.",
            hint="It looks like a zip bomb; choose another package.",
        )


def _check(wheel: str, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise BadWheel(wheel, f"{info.orig_filename!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadWheel(wheel, f"{info.orig_filename!r} is packed in a way wheels must not use")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadWheel(wheel, f"{info.orig_filename!r} is a link or device")
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise BadWheel(wheel, f"the sizes of {info.orig_filename!r} contradict each other")
    check_path(wheel, info.orig_filename.removesuffix("/"))


def check_path(wheel: str, name: str) -> None:
    """
    Raises:
        BadWheel: `name` leaves its folder, deletes files of other layers, or cannot be a file name everywhere.
    """
    parts = name.split("/")
    if "" in parts or "." in parts or ".." in parts:
        raise BadWheel(wheel, f"the path {name!r} leads elsewhere")
    if len(parts) > DEEPEST:
        raise BadWheel(wheel, f"the path {name[:80]!r}… is too deep")
    if _CONTROL.search(name):
        raise BadWheel(wheel, f"the path {name!r} has a character that paths must not have")
    if ".wh." in name and any(part.startswith(".wh.") for part in parts):
        raise BadWheel(wheel, f"the path {name!r} would delete files when it becomes part of an image")
    if _PLAIN.fullmatch(name):
        return
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    if max(map(len, encoded)) > 255 or sum(map(len, encoded)) > 2000:
        raise BadWheel(wheel, f"the path {name[:80]!r}… is too long")


def _member(path: Path, handle: int, info: zipfile.ZipInfo) -> Member:
    """Where the file's bytes begin, by its local header, which must agree with the directory."""
    name = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    header = os.pread(handle, 30 + len(name), info.header_offset)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise BadWheel(path.name, f"{info.filename!r} does not lie where the archive says")
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    if name_length != len(name) or header[30:] != name:
        raise BadWheel(path.name, f"{info.filename!r} has two names")
    return Member(
        archive=path,
        offset=info.header_offset + 30 + name_length + extra_length,
        compressed_size=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
    )


def _put(wheel: str, found: dict[str, Packed], name: str, packed: Packed) -> None:
    if name in found:
        before, now = found[name].member, packed.member
        if (before.crc, before.size) != (now.crc, now.size):
            raise BadWheel(wheel, f"{name!r} is in it twice, with different bytes")
    found[name] = packed


def _check_overlaps(wheel: str, found: dict[str, Packed]) -> None:
    """Files that share bytes of the archive are how small archives unpack to enormous ones."""
    end = 0
    for member in sorted((packed.member for packed in found.values()), key=lambda m: m.offset):
        if member.offset < end:
            raise BadWheel(wheel, "files in it overlap")
        end = member.offset + member.compressed_size
