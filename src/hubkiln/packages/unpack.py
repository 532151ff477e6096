"""Puts a planned wheel on disk, with byte code: the store's view of the same tree that an image layer is made from."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkiln.packages.archive import chunks
from hubkiln.packages.bytecode import LARGEST, Compiler
from hubkiln.packages.interface import Layout
from hubkiln.packages.wheels import record_text
from hubkiln.trees import MTIME, Entry, Member, Source, Tree

Owner = tuple[int, int]
"""User and group id that files get; only root can give them away."""


def unpack(tree: Tree, layout: Layout, into: Path, owner: Owner | None, compiler: Compiler | None) -> None:
    """
    Write what `tree` has below the prefix to the new folder `into`, compiled by `compiler` if given.

    Raises:
        BadWheel: an archive contradicts itself; `into` is left for the caller to remove.
    """
    into.mkdir()
    own(into, owner)
    below = [(relative, entry) for entry in tree if (relative := _below(entry, layout)) is not None]
    for relative, entry in below:
        target = into / relative
        if entry.source is None:
            target.mkdir()
            own(target, owner)
        elif not _is_record(relative):
            write_file(target, entry.source, entry.mode, owner)
    compiled = list(_compile(into, layout, below, compiler, owner)) if compiler is not None else []
    for relative, entry in below:
        if _is_record(relative) and isinstance(entry.source, bytes):
            write_file(into / relative, entry.source + _lines(compiled, layout), entry.mode, owner)


def stored_tree(planned: Tree, layout: Layout, unpacked: Path) -> Tree:
    """
    What `unpacked` holds, as a tree for an image layer: files that went in as they are still point into the wheel,
    so that they can be spliced; byte code and RECORD point to the disk.
    """
    found = {entry.path: entry for entry in planned}
    for path in unpacked.rglob("*"):
        name = f"{layout.prefix}/{path.relative_to(unpacked).as_posix()}"
        if name not in found or _is_record(path.relative_to(unpacked).as_posix()):
            status = path.lstat()
            folder = path.is_dir()
            found[name] = Entry(
                path=name,
                mode=status.st_mode & 0o777,
                size=0 if folder else status.st_size,
                source=None if folder else path,
                uid=layout.uid,
                gid=layout.gid,
            )
    return Tree(tuple(found[name] for name in sorted(found)))


def write_file(target: Path, source: Source, mode: int, owner: Owner | None) -> None:
    """The new file `target` with the bytes of `source`."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        for piece in _pieces(source):
            view = memoryview(piece)
            while view:
                view = view[os.write(handle, view) :]
        if owner is not None:
            os.fchown(handle, *owner)
        os.fchmod(handle, mode)
        os.utime(handle, (MTIME, MTIME))
    finally:
        os.close(handle)


def own(path: Path, owner: Owner | None) -> None:
    """Give a folder or link away, and make a folder passable whatever the umask."""
    if owner is not None:
        os.chown(path, *owner, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o755)


def _pieces(source: Source) -> Iterable[bytes]:
    if isinstance(source, Member):
        return chunks(source)
    return [source if isinstance(source, bytes) else source.read_bytes()]


def _below(entry: Entry, layout: Layout) -> str | None:
    start = f"{layout.prefix}/"
    return entry.path[len(start) :] if entry.path.startswith(start) else None


def _is_record(relative: str) -> bool:
    return relative.endswith(".dist-info/RECORD") and relative.count("/") == 4


def _compile(
    into: Path, layout: Layout, below: list[tuple[str, Entry]], compiler: Compiler, owner: Owner | None
) -> Iterator[str]:
    """Compile what can be imported; yields the new files below the prefix."""
    site = posixpath.relpath(layout.site, layout.prefix) + "/"
    for relative, entry in below:
        if not relative.startswith(site) or not relative.endswith(".py") or not 0 < entry.size <= LARGEST:
            continue
        folder, name = posixpath.split(relative)
        if "tests" in folder.split("/"):
            continue
        target = f"{folder}/__pycache__/{name[:-3]}.{compiler.tag}.pyc"
        if not (cache := into / folder / "__pycache__").exists():
            cache.mkdir()
            own(cache, owner)
        if compiler.compile(into / relative, f"/{layout.prefix}/{relative}", into / target):
            _settle(into / target, owner)
            yield target


def _settle(path: Path, owner: Owner | None) -> None:
    if owner is not None:
        os.chown(path, *owner)
    path.chmod(0o644)
    os.utime(path, (MTIME, MTIME))


def _lines(compiled: list[str], layout: Layout) -> bytes:
    """RECORD lines for compiled files, so that ``pip uninstall`` removes them; no hash, as pip writes them."""
    return record_text((posixpath.relpath(f"/{layout.prefix}/{path}", f"/{layout.site}"), "", "") for path in compiled)
