"""What an ELF file needs from others, and the one change we make to one: the folder it was installed in. Pure."""

from __future__ import annotations

import re
import struct

MAGIC = b"\x7fELF"
_DYNAMIC = 2
_NEEDED, _STRTAB = 1, 5
_LOAD = 1


class NotElf(ValueError):
    """Not a 64-bit little-endian ELF file, or a damaged one."""


def needed(data: bytes) -> tuple[str, ...]:
    """
    Names of the shared libraries that the dynamic linker will look for.

    Raises:
        NotElf: see there.
    """
    try:
        return _needed(data)
    except (struct.error, ValueError, IndexError, StopIteration) as error:
        raise NotElf(str(error)) from error


def newest_glibc(data: bytes) -> tuple[int, int]:
    """The newest version of the C library it names; ``(0, 0)`` for none."""
    found = re.findall(rb"GLIBC_(\d+)\.(\d+)(?=[.\0\d])", data)
    return max(((int(major), int(minor)) for major, minor in found), default=(0, 0))


def moved(data: bytes, old: str, new: str) -> bytes:
    """
    `data` with each C string that begins with the path `old` beginning with `new` instead, the length kept.

    Raises:
        ValueError: `new` is longer, so there is no room for it.
    """
    before, after = old.encode(), new.encode()
    if len(after) > len(before):
        raise ValueError(f"{new} is longer than {old}")

    def replaced(match: re.Match[bytes]) -> bytes:
        whole = match[0]
        return whole.replace(before, after).ljust(len(whole), b"\0")

    return re.sub(re.escape(before) + rb"(?=[/:\0])[^\0]*", replaced, data)


def _needed(data: bytes) -> tuple[str, ...]:
    if data[:6] != MAGIC + b"\x02\x01":
        raise NotElf("not a 64-bit little-endian ELF file")
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, offset + size * index) for index in range(count)]
    loads = [(h[3], h[2], h[5]) for h in headers if h[0] == _LOAD]  # address, offset, size in the file
    dynamic = next((h for h in headers if h[0] == _DYNAMIC), None)
    if dynamic is None:
        return ()
    tags = list(struct.iter_unpack("<QQ", data[dynamic[2] : dynamic[2] + dynamic[5] // 16 * 16]))
    address = next(value for tag, value in tags if tag == _STRTAB)
    strings = next(address - start + at for start, at, length in loads if start <= address < start + length)
    return tuple(_string(data, strings + value) for tag, value in tags if tag == _NEEDED)


def _string(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
