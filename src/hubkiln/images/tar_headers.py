"""Tar headers: the same entry gives the same bytes on every Python version and machine.

Plain ustar where its fields are large enough, one PAX record where they are not; names are bytes, so that a repository
with a Latin-1 file name still makes a layer.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from zlib import adler32

BLOCK = 512
END = b"\0" * (2 * BLOCK)
"""What a tar ends with."""

_NAME = 100
_PREFIX = 155
_HINTED = bytes(byte if byte < 128 else 0x3F for byte in range(256))
_MIDDLE = b"ustar\x0000" + b"\0" * 64 + b"0000000\0" * 2
_MAX_ID = 0o7777777
_MAX_SIZE = 0o77777777777


class Kind(Enum):
    """Type flags."""

    FILE = b"0"
    LINK = b"2"
    FOLDER = b"5"
    _PAX = b"x"


def header(kind: Kind, path: str, *, mode: int, uid: int, gid: int, mtime: int, size: int = 0, link: str = "") -> bytes:
    """The blocks before an entry's bytes; `path` without trailing slash."""
    name = _bytes(path) + (b"/" if kind is Kind.FOLDER else b"")
    target = _bytes(link)
    records: dict[str, bytes] = {}
    prefix, short = _split(name)
    for key, value, field in (("path", name, short), ("linkpath", target, target)):
        if len(field) > _NAME or not value.isascii():
            records[key] = value
    for key, number, largest in (("uid", uid, _MAX_ID), ("gid", gid, _MAX_ID), ("size", size, _MAX_SIZE)):
        if number > largest:
            records[key] = str(number).encode()
    if records and not all(_is_utf8(value) for value in records.values()):
        records["hdrcharset"] = b"BINARY"
    plain = _block(kind, short, mode, uid, gid, size, mtime, target, prefix)
    return (_pax(records, mtime) if records else b"") + plain


def padding(size: int) -> bytes:
    """Zeros that fill a file of `size` bytes up to a whole block."""
    return b"\0" * (-size % BLOCK)


def _pax(records: dict[str, bytes], mtime: int) -> bytes:
    body = b"".join(_record(key.encode(), value) for key, value in sorted(records.items()))
    return _block(Kind._PAX, b"PaxHeader", 0o644, 0, 0, len(body), mtime, b"") + body + padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """``<length> <key>=<value>\\n`` where the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _split(name: bytes) -> tuple[bytes, bytes]:
    """`name` as ustar's two fields, cut at a slash; all of it in the second where that cannot be."""
    if len(name) <= _NAME or not name.isascii():
        return b"", name
    cut = name.find(b"/", len(name) - _NAME - 1)
    return (name[:cut], name[cut + 1 :]) if 0 < cut <= min(_PREFIX, len(name) - 2) else (b"", name)


def _block(
    kind: Kind,
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    link: bytes,
    prefix: bytes = b"",
) -> bytes:
    start, time = _shared(mode & 0o7777, min(uid, _MAX_ID), min(gid, _MAX_ID), mtime)
    before = b"".join((_text(name, _NAME), start, b"%011o\0" % min(size, _MAX_SIZE), time))
    after = b"".join((kind.value, _text(link, _NAME), _MIDDLE, prefix.ljust(_PREFIX + 12, b"\0")))
    return b"%s%06o\0 %s" % (before, _sum(before, after), after)


def _sum(before: bytes, after: bytes) -> int:
    """All bytes of a block added up, the checksum itself counted as blanks: ASCII alone is too little to overflow."""
    return (adler32(after, adler32(before)) & 0xFFFF) - 1 + sum(b" " * 8)


@lru_cache(64)
def _shared(mode: int, uid: int, gid: int, mtime: int) -> tuple[bytes, bytes]:
    """Fields that most entries share."""
    return b"%07o\0%07o\0%07o\0" % (mode, uid, gid), b"%011o\0" % mtime


def _text(value: bytes, width: int) -> bytes:
    """A field; what does not fit or is not ASCII is said in a PAX record, and only hinted at here."""
    value = value[:width]
    if not value.isascii():
        value = value.translate(_HINTED)
    return value.ljust(width, b"\0")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
