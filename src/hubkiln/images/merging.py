"""Several trees as one layer, and what they disagree about."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubkiln.errors import BuildFailed
from hubkiln.trees import Entry, Member, Tree


@dataclass(frozen=True, slots=True)
class Overlap:
    """A path that two trees have, with different bytes: the later tree's are kept, as a later install would do."""

    path: str
    first: int
    """Index of the tree whose entry is lost."""
    second: int


def merge(trees: Sequence[Iterable[Entry]]) -> tuple[Tree, tuple[Overlap, ...]]:
    """
    One tree of all, later ones over earlier ones; folders that several have are one.

    Raises:
        BuildFailed: one tree has a folder where another has a file.
    """
    chosen: dict[str, tuple[Entry, int]] = {}
    overlaps: list[Overlap] = []
    for number, tree in enumerate(trees):
        for entry in tree:
            before = chosen.get(entry.path)
            if before is not None and _is_folder(before[0]) != _is_folder(entry):
                hint = "Two packages cannot be installed together; remove one of them."
                raise BuildFailed(f"One package has a folder {entry.path}, another a file.", hint=hint)
            if before is not None and not _same(before[0], entry):
                overlaps.append(Overlap(entry.path, before[1], number))
            if before is None or not _is_folder(entry):
                chosen[entry.path] = (entry, number)
    entries = tuple(chosen[path][0] for path in sorted(chosen))
    return Tree(entries), tuple(overlaps)


def overlapping(trees: Sequence[Iterable[Entry]]) -> tuple[Overlap, ...]:
    """Only what trees disagree about: such wheels must share a layer (:class:`LayerPart`.together)."""
    return merge(trees)[1]


def _is_folder(entry: Entry) -> bool:
    return entry.source is None and entry.link is None


def _same(one: Entry, other: Entry) -> bool:
    if _is_folder(one) or _is_folder(other) or one.link is not None or other.link is not None:
        return (_is_folder(one), one.link) == (_is_folder(other), other.link)
    return one.size == other.size and one.mode == other.mode and _sum(one) == _sum(other)


def _sum(entry: Entry) -> object:
    """Something equal for equal bytes; files on disk count as different."""
    if isinstance(entry.source, Member):
        return entry.source.crc
    if isinstance(entry.source, bytes):
        return zlib.crc32(entry.source)
    return entry.source
