"""Which wheels of a lock disagree about a file: they must share a layer, in install order.

What a wheel brings is noted as two numbers a file, once per wheel, so that asking again, for any lock, reads no wheel.
"""

from __future__ import annotations

import os
import zlib
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from hubkiln.folders import write_whole
from hubkiln.packages import Wheel
from hubkiln.stores import use
from hubkiln.trees import Entry, Member
from hubkiln.values import FORMAT

_EACH = 16
"""Bytes for each file: two numbers."""


class Overlaps:
    """Notes below `folder` of the data folder `root`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder

    def has(self, wheel: Wheel, minor: str) -> bool:
        """Whether the files of `wheel` are noted."""
        use(self._root, self._path(wheel, minor))
        try:
            size = self._path(wheel, minor).stat().st_size
        except FileNotFoundError:
            return False
        return size > 0 and size % _EACH == 0

    def note(self, wheel: Wheel, minor: str, tree: Iterable[Entry]) -> None:
        """Remember what `wheel` brings: `tree` is its plan."""
        numbers = array("Q")
        for entry in tree:
            if entry.source is not None:
                path = os.fsencode(entry.path)
                numbers.append(_number(path))
                numbers.append(_number(path + repr((entry.size, entry.mode, _sum(entry))).encode()))
        write_whole(self._path(wheel, minor), numbers.tobytes())

    def together(self, wheels: Sequence[Wheel], minor: str) -> dict[Wheel, str]:
        """A label for each wheel that disagrees with another: the name of the first of those it hangs together with."""
        owner: dict[int, tuple[int, int]] = {}
        first = list(range(len(wheels)))

        def head(number: int) -> int:
            while first[number] != number:
                number = first[number]
            return number

        for number, wheel in enumerate(wheels):
            noted = array("Q")
            noted.frombytes(self._path(wheel, minor).read_bytes())
            for path, content in zip(noted[::2], noted[1::2], strict=True):
                other, before = owner.setdefault(path, (number, content))
                if before != content:
                    one, two = sorted((head(other), head(number)))
                    first[two] = one
        heads = [head(number) for number in range(len(wheels))]
        return {wheels[n]: wheels[one].name for n, one in enumerate(heads) if heads.count(one) > 1}

    def _path(self, wheel: Wheel, minor: str) -> Path:
        return self._folder / f"{wheel.sha256}-{minor}-{FORMAT}"


def _number(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _sum(entry: Entry) -> int:
    if isinstance(entry.source, Member):
        return entry.source.crc
    return zlib.crc32(entry.source) if isinstance(entry.source, bytes) else 0
