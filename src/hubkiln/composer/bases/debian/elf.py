"""What an ELF file needs from others, and the one change we make to one: where it looks for them. Pure.

Other strings are left alone. Linkers let a string be the end of a longer one (``3.12.1`` of ``…/versions/3.12.1``), so
changing a path may change a version number.
"""

from __future__ import annotations

import re
import struct

MAGIC = b"\x7fELF"
_DYNAMIC = 2
_NEEDED, _STRTAB, _RPATH, _RUNPATH = 1, 5, 15, 29
_LOAD = 1


class NotElf(ValueError):
    """Not a 64-bit little-endian ELF file, or a damaged one."""


def needed(data: bytes) -> tuple[str, ...]:
    """
    Names of the shared libraries that the dynamic linker will look for.

    Raises:
        NotElf: see there.
    """
    return tuple(data[at : data.index(b"\0", at)].decode() for at in _strings(data, _NEEDED))


def newest_glibc(data: bytes) -> tuple[int, int]:
    """The newest version of the C library it names; ``(0, 0)`` for none."""
    found = re.findall(rb"GLIBC_(\d+)\.(\d+)(?=[.\0\d])", data)
    return max(((int(major), int(minor)) for major, minor in found), default=(0, 0))


def with_search_path(data: bytes, old: str, new: str) -> bytes:
    """
    `data` looking for libraries below `new` where it looked below `old`.

    Raises:
        NotElf: see there.
        ValueError: `new` is longer, so there is no room for it.
    """
    changed = bytearray(data)
    for at in _strings(data, _RPATH, _RUNPATH):
        before = data[at : data.index(b"\0", at)]
        after = b":".join(_below(part, old.encode(), new.encode()) for part in before.split(b":"))
        if len(after) > len(before):
            raise ValueError(f"{new} is longer than {old}")
        changed[at : at + len(before)] = after.ljust(len(before), b"\0")
    return bytes(changed)


def _below(path: bytes, old: bytes, new: bytes) -> bytes:
    return new + path[len(old) :] if path == old or path.startswith(old + b"/") else path


def _strings(data: bytes, *kinds: int) -> list[int]:
    """Where the strings of the dynamic section's entries of `kinds` begin."""
    try:
        return _found(data, kinds)
    except (struct.error, IndexError, StopIteration) as error:
        raise NotElf(str(error)) from error


def _found(data: bytes, kinds: tuple[int, ...]) -> list[int]:
    if data[:6] != MAGIC + b"\x02\x01":
        raise NotElf("not a 64-bit little-endian ELF file")
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, offset + size * index) for index in range(count)]
    loads = [(h[3], h[2], h[5]) for h in headers if h[0] == _LOAD]  # address, offset, size in the file
    dynamic = next((h for h in headers if h[0] == _DYNAMIC), None)
    if dynamic is None:
        return []
    tags = list(struct.iter_unpack("<QQ", data[dynamic[2] : dynamic[2] + dynamic[5] // 16 * 16]))
    address = next(value for tag, value in tags if tag == _STRTAB)
    strings = next(at + address - start for start, at, length in loads if start <= address < start + length)
    return [strings + value for tag, value in tags if tag in kinds]
