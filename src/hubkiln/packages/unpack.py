"""Puts a planned wheel on disk, with byte code: the store's view of the same tree that an image layer is made from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO

from hubkiln.packages.archive import chunks_of
from hubkiln.packages.bytecode import LARGEST, Compiler, Job
from hubkiln.packages.cpython import is_two
from hubkiln.packages.interface import Layout
from hubkiln.packages.wheels import from_site, record_text
from hubkiln.trees import MTIME, Entry, Member, Source, Tree

Owner = tuple[int, int]
"""User and group id that files get; only root can give them away."""


def unpack(
    tree: Tree,
    layout: Layout,
    into: Path,
    owner: Owner | None,
    compiler: Compiler | None,
    compiled: Collection[str] | None = None,
) -> None:
    """
    Write what `tree` has below the prefix to the new folder `into`, compiled by `compiler` if given: the modules whose
    paths below ``site-packages`` are among `compiled`, or all.

    Raises:
        BadWheel: an archive contradicts itself; `into` is left for the caller to remove.
    """
    into.mkdir()
    own(into, owner)
    start, root = f"{layout.prefix}/", f"{into}/"
    below = [(entry.path.removeprefix(start), entry) for entry in tree if entry.path.startswith(start)]
    with _Reader() as reader:
        for relative, entry in below:
            if entry.source is None:
                _folder(root + relative, owner)
            elif not _is_record(relative):
                _write(root + relative, reader.pieces(entry.source), entry.mode, owner)
    made = _compile(root, layout, below, compiler, owner, compiled) if compiler is not None else []
    for relative, entry in below:
        if _is_record(relative) and isinstance(entry.source, bytes):
            write_file(into / relative, entry.source + _lines(made, layout), entry.mode, owner)


def stored_tree(planned: Tree, layout: Layout, unpacked: Path) -> Tree:
    """
    What `unpacked` holds, as a tree for an image layer: files that went in as they are still point into the wheel,
    so that they can be spliced; byte code and RECORD point to the disk.
    """
    found = {entry.path: entry for entry in planned}
    for entry in planned:
        relative = _below(entry, layout)
        if relative is None:
            continue
        if entry.source is not None and _is_record(relative):
            found[entry.path] = _on_disk(entry.path, unpacked / relative, layout)
        elif is_two(layout.minor) and relative.endswith(".py") and os.path.isfile(f"{unpacked}/{relative}c"):  # noqa: PTH113
            found[f"{entry.path}c"] = _on_disk(f"{entry.path}c", unpacked / f"{relative}c", layout)
        elif entry.source is None and os.path.isdir(f"{unpacked}/{relative}/__pycache__"):  # noqa: PTH112
            cache = f"{entry.path}/__pycache__"
            found[cache] = Entry(path=cache, mode=0o755, uid=layout.uid, gid=layout.gid)
            for compiled in (unpacked / relative / "__pycache__").iterdir():
                name = f"{cache}/{compiled.name}"
                found[name] = _on_disk(name, compiled, layout)
    return Tree(tuple(found[name] for name in sorted(found)))


def _on_disk(name: str, path: Path, layout: Layout) -> Entry:
    return Entry(path=name, mode=0o644, size=path.lstat().st_size, source=path, uid=layout.uid, gid=layout.gid)


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


def _folder(target: str, owner: Owner | None) -> None:
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


def _below(entry: Entry, layout: Layout) -> str | None:
    start = f"{layout.prefix}/"
    return entry.path.removeprefix(start) if entry.path.startswith(start) else None


def _is_record(relative: str) -> bool:
    return relative.endswith(".dist-info/RECORD") and relative.count("/") == 4


def _compile(
    root: str,
    layout: Layout,
    below: list[tuple[str, Entry]],
    compiler: Compiler,
    owner: Owner | None,
    wanted: Collection[str] | None,
) -> list[str]:
    """Compile what can be imported and is `wanted`; returns the new files below the prefix."""
    site = f"{layout.site.removeprefix(layout.prefix)}/".lstrip("/")
    jobs, targets, caches = [], [], set()
    for relative, entry in below:
        if not relative.startswith(site) or not relative.endswith(".py") or not 0 < entry.size <= LARGEST:
            continue
        folder, _, name = relative.rpartition("/")
        if "tests" in folder.split("/") or (wanted is not None and relative.removeprefix(site) not in wanted):
            continue
        if compiler.beside:
            targets.append(f"{relative}c")
        else:
            caches.add(f"{root}{folder}/__pycache__")
            targets.append(f"{folder}/__pycache__/{name[:-3]}.{compiler.tag}.pyc")
        jobs.append(Job(root + relative, f"/{layout.prefix}/{relative}", root + targets[-1]))
    for cache in caches:
        _folder(cache, owner)
    return [target for target, made in zip(targets, compiler.compile(jobs), strict=True) if made]


def _lines(compiled: list[str], layout: Layout) -> bytes:
    """RECORD lines for compiled files, so that ``pip uninstall`` removes them; no hash, as pip writes them."""
    return record_text((from_site(path, layout), "", "") for path in compiled)
