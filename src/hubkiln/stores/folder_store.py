"""A store that is one folder: each thing is a folder or a file in it, perhaps with notes beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hubkiln.stores.interface import Ref, Thing
from hubkiln.stores.sizes import disk_bytes
from hubkiln.stores.trash import Trash


def _never(path: Path) -> bool:
    return False


def _nothing(path: Path) -> Iterable[Ref]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderStore:
    """See :class:`hubkiln.stores.interface.Store`."""

    root: Path
    """The data folder."""
    folder: Path
    suffix: str = ""
    """Of the entry that is the thing: its key is what comes before."""
    beside: bool = False
    """Whether entries ``<key>.…`` are notes about ``<key>``, which go with it."""
    own: bool = False
    """Whether files that have names elsewhere stay there: see :func:`disk_bytes`."""
    fixed: bool = True
    needing: Callable[[Path], Iterable[Ref]] = _nothing
    """Reads what the thing at a path needs."""
    leave: frozenset[str] = frozenset()
    """Entries that are no things."""
    ended: Callable[[Path], bool] = _never
    """Whether nobody can come to use the thing at a path any more, whatever its time says."""

    @property
    def name(self) -> str:
        """The folder's, below the data folder."""
        return self.folder.relative_to(self.root).as_posix()

    def things(self) -> Iterator[Thing]:
        """See :class:`Store`."""
        used: dict[str, float] = {}
        try:
            entries = os.scandir(self.folder)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if entry.name in self.leave:
                    continue
                try:
                    at = self._time(Path(entry.path))
                except FileNotFoundError:
                    continue
                key = self._key(entry.name)
                used[key] = max(at, used.get(key, at))
        yield from (Thing(key, at) for key, at in sorted(used.items()))

    def used(self, key: str) -> float | None:
        """See :class:`Store`."""
        times = []
        for path in self._paths(key):
            try:
                times.append(self._time(path))
            except FileNotFoundError:
                continue
        return max(times, default=None)

    def needs(self, key: str) -> Iterable[Ref]:
        """See :class:`Store`."""
        return self.needing(self.path(key))

    def size(self, key: str) -> int:
        """See :class:`Store`."""
        return sum(disk_bytes(path, own=self.own) for path in self._paths(key))

    def drop(self, key: str) -> None:
        """See :class:`Store`."""
        trash = Trash(self.root)
        for path in self._paths(key):
            trash.take(path)

    def path(self, key: str) -> Path:
        """Where the thing is or would be."""
        return self.folder / (key if self._is_odd(key) else key + self.suffix)

    def _time(self, path: Path) -> float:
        found = path.lstat().st_mtime
        return 0.0 if self.ended(path) else found

    def _key(self, name: str) -> str:
        if self.beside:
            return name.partition(".")[0] or name
        return name.removesuffix(self.suffix) if name.endswith(self.suffix) and not self._is_odd(name) else name

    def _is_odd(self, key: str) -> bool:
        """Whether `key` is the name of something unfinished, such as a killed process leaves beside notes."""
        return key.startswith(".")

    def _paths(self, key: str) -> list[Path]:
        """The thing, then the notes about it."""
        notes = sorted(self.folder.glob(f"{key}.*")) if self.beside and not self._is_odd(key) else []
        return [self.path(key), *notes]
