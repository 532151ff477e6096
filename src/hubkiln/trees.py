"""A tree: files to be put below ``/``, each with its bytes or where to read them.

A wheel, a recipe's skeleton and a repository's content are all planned as trees by pure functions; the wheel
store unpacks a tree into a folder and an image layer writes the same tree as tar. Two views of one thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MTIME = 315532800 + 86400
"""1980-01-02 UTC for every file: zip (so ``pip wheel``) refuses earlier, and time zones make the 1st fail."""


@dataclass(frozen=True, slots=True)
class Member:
    """Bytes of a file that lie inside a zip archive (a wheel), so that they can be copied without inflating."""

    archive: Path
    offset: int
    """Of the first byte of data (after the local header)."""
    compressed_size: int
    size: int
    crc: int
    deflated: bool
    """True for method 8, False for stored."""


Source = bytes | Member | Path
"""A file's bytes: in memory, in a zip archive, or a file on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, folder or symbolic link."""

    path: str
    """POSIX, relative to ``/``, normalised: no leading slash, no ``.`` or ``..``."""

    mode: int
    """Permission bits: 0o644 or 0o755 for files."""

    size: int = 0
    source: Source | None = None
    """None for folders and links."""

    link: str | None = None
    """Target of a symbolic link."""

    uid: int = 0
    gid: int = 0
    mtime: int = MTIME


@dataclass(frozen=True, slots=True)
class Tree:
    """Entries sorted by path, parents included, no path twice."""

    entries: tuple[Entry, ...]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """`entries` and the folders above them, root's, sorted."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        while path := path.rpartition("/")[0]:
            found.setdefault(path, Entry(path=path, mode=0o755))
    return [found[path] for path in sorted(found)]
