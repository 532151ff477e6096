"""A pulled image's layers as folders to stack: whiteouts as the kernel wants them, nothing outside the folder.

A layer may write through a link of a layer below (``lib`` is often one), so paths are resolved as the image itself
would resolve them; what is written is then always a plain path inside the layer's own folder.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import stat
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from isal import isal_zlib

from hubkiln.errors import DiskFull, HubkilnError, ServiceError, Unsupported
from hubkiln.sandbox.capture import OPAQUE, WHITEOUT
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Overlay
from hubkiln.sandbox.members import PIECE, checked, mode_of, pieces
from hubkiln.sandbox.overlays import remove
from hubkiln.sandbox.places import Places
from hubkiln.sandbox.streams import Seen, plain, too_large

MOST_BYTES = 20 * 1024**3
"""Largest layer, unpacked: bigger than any sensible one, smaller than a disk."""

MOST_ENTRIES = 2_000_000

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_DAMAGED = (tarfile.TarError, EOFError, cast("type[Exception]", isal_zlib.error), ValueError)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a layer held."""

    entries: int
    size: int
    """Bytes of file contents."""


def unpack(
    stream: IO[bytes],
    folder: Path,
    identity: Identity,
    *,
    lowers: Sequence[Path] = (),
    most_bytes: int = MOST_BYTES,
    seen: Seen | None = None,
) -> Unpacked:
    """
    Unpack the tar `stream` (plain, gzip or zstd) into the new `folder`; on failure the folder is removed.

    `lowers` are the image's layers below, bottom first. Owners become real ones by `identity` when we are root.
    `seen` is told the uncompressed bytes, all of them.

    Raises:
        Unsupported: a path that leads outside, or a damaged or unknown format.
        TooLarge: more than `most_bytes`.
        DiskFull: no space.
    """
    folder.mkdir(parents=True)
    layer = _Layer(folder, identity, tuple(lowers), most_bytes)
    try:
        with plain(stream, most_bytes, seen) as tar, tarfile.open(fileobj=tar, mode="r|", bufsize=PIECE) as archive:
            while (member := archive.next()) is not None:
                layer.add(member, archive)
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            while seen is not None and tar.read(PIECE):
                pass  # what follows the archive's end
        layer.finish()
    except HubkilnError:
        remove(folder)
        raise
    except _DAMAGED as error:
        remove(folder)
        raise Unsupported(f"A layer of that image is damaged: {error}.", hint="Pull it again.") from error
    except OSError as error:
        remove(folder)
        raise _translated(error) from error
    except BaseException:
        remove(folder)
        raise
    return Unpacked(layer.entries, layer.size)


def _translated(error: OSError) -> HubkilnError:
    if error.errno == errno.ENOSPC:
        return DiskFull("There is no space left to unpack the image.", hint="Free some space in the data folder.")
    if error.errno is None:  # gzip's own
        return Unsupported(f"A layer of that image is damaged: {error}.", hint="Pull it again.")
    return ServiceError(f"The image could not be unpacked: {error}.", hint="An admin's turn: look at the data folder.")


class _Layer:
    def __init__(self, folder: Path, identity: Identity, lowers: tuple[Path, ...], most_bytes: int) -> None:
        self.entries = 0
        self.size = 0
        self._most_bytes = most_bytes
        self._folder, self._lowers = folder, lowers
        self._identity = identity
        self._places = Places()
        self._places.stack(Overlay(target="/", lowers=(*lowers, folder)))
        self._below = Places()
        self._below.stack(Overlay(target="/", lowers=lowers))
        self._folders: dict[Path, tuple[int, int]] = {}
        self._resolved: dict[str, Path] = {}
        """Folders by the name that the layer gives them; forgotten when a link comes or a folder goes."""
        self._own(folder, 0, 0)
        self._folders[folder] = (0o755, 0)

    def add(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            raise Unsupported("That image has a layer with millions of files.", hint="Choose a smaller image.")
        path = checked(member.name)
        if not path:
            self._folders[self._folder] = (mode_of(member), int(member.mtime))
            self._own(self._folder, member.uid, member.gid)
            return
        parent, name = posixpath.split(path)
        folder = self._parent(parent)
        if name == OPAQUE:
            os.setxattr(folder, "user.overlay.opaque", b"y")
        elif name.startswith(WHITEOUT):
            self._whiteout(folder, name.removeprefix(WHITEOUT))
        elif member.isreg():
            self._file(member, archive, f"{folder}/{name}")
        else:
            self._put(member, folder / name)

    def _parent(self, parent: str) -> Path:
        if parent in self._resolved:
            return self._resolved[parent]
        above, name = posixpath.split(parent)
        if name and (known := self._resolved.get(above)) is not None and _is_folder(own := known / name):
            self._resolved[parent] = own  # this layer's own folder wins, whatever lies below
            return own
        where = self._folder
        for part in self._places.resolve(parent).strip("/").split("/"):
            where = where / part if part else where
            if where.is_symlink() or (os.path.lexists(where) and not where.is_dir()):
                where.unlink()
                self._resolved.clear()
            if not where.exists():
                self._make_like_below(where)
        self._resolved[parent] = where
        return where

    def _make_like_below(self, folder: Path) -> None:
        """A folder the layer does not name itself must look like the one that it will cover."""
        folder.mkdir()
        covered = self._below.find(str(folder.relative_to(self._folder)))
        if covered is None or not covered.is_dir():
            self._folders[folder] = (0o755, 0)
            self._own(folder, 0, 0)
            return
        like = covered.stat()
        self._folders[folder] = (stat.S_IMODE(like.st_mode), int(like.st_mtime))
        if self._identity.privileged:
            os.chown(folder, like.st_uid, like.st_gid)

    def _whiteout(self, folder: Path, name: str) -> None:
        if name in ("", ".", "..") or "/" in name:
            raise Unsupported("That image has a layer with a malformed deletion.")
        target = folder / name
        if os.path.lexists(target):
            return  # the same layer puts something there: that wins
        os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))
        self._own(target, 0, 0)

    def _put(self, member: tarfile.TarInfo, target: Path) -> None:
        if member.isdir():
            self._folder_at(member, target)
            return
        if not (member.islnk() or member.issym()):
            return  # devices and pipes: a sandbox has its own
        self._clear(target)
        if member.issym():
            if self._covers(target):
                self._resolved.clear()
            target.symlink_to(member.linkname)
            self._own(target, member.uid, member.gid)
        else:
            self._link(member, target)

    def _folder_at(self, member: tarfile.TarInfo, target: Path) -> None:
        if not target.is_dir() or target.is_symlink():
            self._clear(target)
            target.mkdir()
        self._folders[target] = (mode_of(member), int(member.mtime))
        self._own(target, member.uid, member.gid)

    def _covers(self, target: Path) -> bool:
        """Whether a layer below has something at `target`, through which a name may have been resolved."""
        relative = target.relative_to(self._folder)
        return any(os.path.lexists(lower / relative) for lower in self._lowers)

    def _clear(self, target: Path) -> None:
        """See that nothing is at `target`; most often nothing is."""
        try:
            mode = target.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            self._resolved.clear()
        if stat.S_ISDIR(mode):
            for below, _, _ in os.walk(target):  # and not all that there are, at each that goes
                self._folders.pop(Path(below), None)
            remove(target)
        else:
            target.unlink()

    def _count(self, size: int) -> None:
        """Of bytes to be written; they need not be in the tar: a file may be told to be holes, a link be a copy."""
        self.size += size
        if self.size > self._most_bytes:
            raise too_large(self._most_bytes)

    def _file(self, member: tarfile.TarInfo, archive: tarfile.TarFile, target: str) -> None:
        self._count(member.size)
        try:
            handle = os.open(target, _NEW_FILE, 0o600)
        except FileExistsError:
            self._clear(Path(target))
            handle = os.open(target, _NEW_FILE, 0o600)
        try:
            for piece in pieces(member, archive):
                written = os.write(handle, piece)
                while written < len(piece):
                    written += os.write(handle, memoryview(piece)[written:])
            if self._identity.privileged:
                os.fchown(handle, self._identity.host_uid(member.uid), self._identity.host_gid(member.gid))
            os.fchmod(handle, mode_of(member) & 0o1777)  # after the owner, which clears bits
            os.utime(handle, (member.mtime, member.mtime))
        finally:
            os.close(handle)

    def _link(self, member: tarfile.TarInfo, target: Path) -> None:
        parent, name = posixpath.split(checked(member.linkname))
        resolved = posixpath.join(self._places.resolve(parent), name)
        own = self._folder / resolved.lstrip("/")
        if os.path.lexists(own) and not own.is_dir() and not stat.S_ISCHR(own.lstat().st_mode):
            os.link(own, target, follow_symlinks=False)
            return
        other = self._below.find(resolved)
        if other is None or not other.is_file():
            raise Unsupported(f"That image has a layer with a link to {member.linkname}, which is not there.")
        self._count(other.stat().st_size)
        shutil.copy2(other, target)
        if self._identity.privileged:
            like = other.stat()
            os.chown(target, like.st_uid, like.st_gid)

    def _own(self, path: Path, uid: int, gid: int) -> None:
        if self._identity.privileged:
            os.lchown(path, self._identity.host_uid(uid), self._identity.host_gid(gid))

    def finish(self) -> None:
        """Folders last: a closed one could not be filled, and filling changes its time."""
        for path in sorted(self._folders, reverse=True):
            mode, mtime = self._folders[path]
            path.chmod(mode)
            os.utime(path, (mtime, mtime))


def _is_folder(path: Path) -> bool:
    """Whether there is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False
