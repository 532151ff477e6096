"""How much disk things take: counted once for each, and remembered for those that never change."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hubkiln.folders import keep_note, read_note
from hubkiln.stores.interface import Store, Thing

_BLOCK = 512


def disk_bytes(path: Path, *, own: bool = False) -> int:
    """
    Bytes on disk of `path` and all below it; a file with several names in it counts once.

    If `own`, files that have names elsewhere do not count: they stay when this goes.
    """
    try:
        top = path.lstat()
    except OSError:
        return 0
    if not stat.S_ISDIR(top.st_mode):
        return 0 if own and top.st_nlink > 1 else top.st_blocks * _BLOCK
    total, folders, linked = top.st_blocks, [str(path)], set[tuple[int, int]]()
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    folders.append(entry.path)
                elif found.st_nlink > 1:
                    if own or (found.st_dev, found.st_ino) in linked:
                        continue
                    linked.add((found.st_dev, found.st_ino))
                total += found.st_blocks
    return total * _BLOCK


class Sizes:
    """The note ``sizes.json`` of a data folder; losing it costs time."""

    def __init__(self, root: Path) -> None:
        self._path = root / "sizes.json"
        self._known: dict[str, dict[str, int]] = read_note(self._path) or {}
        self._asked: dict[str, dict[str, int]] = {}

    def of(self, store: Store, thing: Thing) -> int:
        """Bytes on disk of a `thing` in `store`."""
        if not store.fixed:
            return store.size(thing.key)
        known = self._known.get(store.name, {}).get(thing.key)
        size = store.size(thing.key) if not isinstance(known, int) else known
        self._asked.setdefault(store.name, {})[thing.key] = size
        return size

    def keep(self) -> None:
        """Remember what was asked for, and nothing else: what is gone is forgotten."""
        if self._asked != self._known:
            keep_note(self._path, self._asked)
