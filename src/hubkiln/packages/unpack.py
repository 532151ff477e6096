"""Puts a planned wheel on disk: the store's view of the same tree that an image layer is made from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from hubkiln.packages.archive import chunks_of
from hubkiln.packages.interface import Layout
from hubkiln.trees import MTIME, Member, Source, Tree

Owner = tuple[int, int]
"""User and group id that files get; only root can give them away."""


def unpack(tree: Tree, layout: Layout, into: Path, owner: Owner | None) -> None:
    """
    Write what `tree` has below the prefix to the new folder `into`.

    Raises:
        BadWheel: an archive contradicts itself; `into` is left for the caller to remove.
    """
    into.mkdir()
    own(into, owner)
    start, root = f"{layout.prefix}/", f"{into}/"
    with _Reader() as reader:
        for entry in tree:
            if not entry.path.startswith(start):
                continue
            target = root + entry.path.removeprefix(start)
            if entry.source is None:
                make_folder(target, owner)
            else:
                _write(target, reader.pieces(entry.source), entry.mode, owner)


def write_file(target: Path, source: Source, mode: int, owner: Owner | None) -> None:
    """The new file `target` with the bytes of `source`."""
    with _Reader() as reader:
        _write(str(target), reader.pieces(source), mode, owner)


def _write(target: str, pieces: Iterable[bytes], mode: int, owner: Owner | None) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        for piece in pieces:
            written = os.write(handle, piece)
            while written < len(piece):
                written += os.write(handle, memoryview(piece)[written:])
        if owner is not None:
            os.fchown(handle, *owner)
        os.fchmod(handle, mode)
        os.utime(handle, (MTIME, MTIME))
    finally:
        os.close(handle)


def make_folder(target: str, owner: Owner | None) -> None:
    """A new folder, passable whatever the umask."""
    os.mkdir(target)  # noqa: PTH102  (thousands of times)
    if owner is not None:
        os.chown(target, *owner)
    os.chmod(target, 0o755)  # noqa: PTH101


def own(path: Path, owner: Owner | None) -> None:
    """Give a folder or link away, and make a folder passable whatever the umask."""
    if owner is not None:
        os.chown(path, *owner, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o755)


class _Reader:
    """Reads files of wheels, which lie side by side in an archive: it stays open from one to the next."""

    def __init__(self) -> None:
        self._archive: tuple[Path, BinaryIO] | None = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *error: object) -> None:
        if self._archive is not None:
            self._archive[1].close()

    def pieces(self, source: Source) -> Iterable[bytes]:
        """The bytes of `source`; at once, before the next is asked for."""
        if not isinstance(source, Member):
            return [source if isinstance(source, bytes) else source.read_bytes()]
        if self._archive is None or self._archive[0] is not source.archive:
            if self._archive is not None:
                self._archive[1].close()
            self._archive = (source.archive, source.archive.open("rb", buffering=0))
        return chunks_of(self._archive[1].fileno(), source)
