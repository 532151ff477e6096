"""Files of a folder as git would name them, and changes to them that are there completely or not at all.

Nothing is ever reached through a symbolic link inside the folder: what lies behind one is not the repository's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from typing import NamedTuple

FILE, PROGRAM, LINK, MODULE, FOLDER = "100644", "100755", "120000", "160000", "040000"


class Entry(NamedTuple):
    """What is at a path: a mode of git's and the name of the content's object (empty for a folder)."""

    mode: str
    oid: str


class Disk:
    """One folder."""

    def __init__(self, root: str, kind: str = "sha1") -> None:
        self.root = root
        self.kind_of_hash = kind

    def path(self, name: str) -> str:
        """`name` as a path of the system."""
        return os.path.join(self.root, name)

    def reachable(self, name: str) -> bool:
        """Whether the folders above `name` are folders, or not there at all, and no links."""
        return self.barrier(name) is None

    def barrier(self, name: str) -> str | None:
        """The uppermost thing above `name` that is there and is no folder."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            kind = mode_of(self.path(above))
            if kind is None:
                return None
            if not stat.S_ISDIR(kind):
                return above
        return None

    def kind(self, name: str) -> int | None:
        """The mode bits of what is at `name`; None if nothing is, or only behind a link."""
        return mode_of(self.path(name)) if self.reachable(name) else None

    def state(self, name: str) -> Entry | None:
        """What is at `name`, its content read."""
        kind = self.kind(name)
        if kind is None:
            return None
        if stat.S_ISDIR(kind):
            return Entry(FOLDER, "")
        if stat.S_ISLNK(kind):
            return Entry(LINK, self._oid_of(os.fsencode(os.readlink(self.path(name)))))
        if not stat.S_ISREG(kind):
            return Entry(FOLDER, "special")
        return Entry(PROGRAM if kind & 0o100 else FILE, self._oid_of_file(self.path(name)))

    def files(self, name: str) -> Iterator[str]:
        """Everything below the folder `name` that is no folder."""
        for parent, folders, files in walk(self.path(name)):
            below = os.path.relpath(parent, self.root)
            links = [folder for folder in folders if os.path.islink(os.path.join(parent, folder))]
            for found in (*files, *links):
                yield os.path.normpath(os.path.join(below, found))

    def _oid_of(self, data: bytes) -> str:
        return hashlib.new(self.kind_of_hash, b"blob %d\0" % len(data) + data).hexdigest()

    def _oid_of_file(self, path: str) -> str:
        with open(path, "rb") as file:
            digest = hashlib.new(self.kind_of_hash, b"blob %d\0" % os.fstat(file.fileno()).st_size)
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
        return digest.hexdigest()

    def move(self, old: str, new: str) -> None:
        """Give `old` another name."""
        with writable(self.root, old), writable(self.root, new):
            os.rename(self.path(old), self.path(new))

    def remove(self, name: str) -> None:
        """Remove a file, and the folders above it that it leaves empty."""
        with writable(self.root, name):
            os.unlink(self.path(name))
        self.prune(name)

    def prune(self, name: str) -> None:
        """Remove the folders above `name` that are empty."""
        while name := os.path.dirname(name):
            try:
                with writable(self.root, name):
                    os.rmdir(self.path(name))
            except OSError:
                return

    def place(self, new: str, name: str) -> None:
        """Put the file `new`, of the same file system, at `name`."""
        parent = os.path.dirname(name)
        if parent and not os.path.isdir(self.path(parent)):
            with writable(self.root, parent):
                os.makedirs(self.path(parent), exist_ok=True)
        with writable(self.root, name):
            if os.path.isdir(self.path(name)) and not os.path.islink(self.path(name)):
                os.rmdir(self.path(name))
            os.replace(new, self.path(name))


def mode_of(path: str) -> int | None:
    """The mode of `path` itself; None if there is nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def writable(root: str, name: str) -> Iterator[None]:
    """The nearest folder above `name` that is there, made writable for as long as this lasts."""
    above = os.path.dirname(os.path.join(root, name))
    while not os.path.isdir(above) and len(above) > len(root):
        above = os.path.dirname(above)
    before = stat.S_IMODE(os.stat(above).st_mode)
    if before & 0o300 == 0o300:
        yield
        return
    with contextlib.suppress(PermissionError):  # somebody else's: what follows fails and says which
        os.chmod(above, before | 0o700)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chmod(above, before)


def walk(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As ``os.walk``, but a folder that cannot be read is an error, not an empty one."""

    def fail(error: OSError) -> None:
        raise error

    return os.walk(folder, onerror=fail)


def copy(source: str, target: str) -> None:
    """Copy one file or link; a file becomes writable for its owner."""
    shutil.copy2(source, target, follow_symlinks=False)
    if not os.path.islink(target):
        os.chmod(target, stat.S_IMODE(os.stat(target).st_mode) | 0o200)


def clear(folder: str) -> None:
    """Remove `folder` with all that is in it, read-only folders too; nothing where there is nothing."""
    if not os.path.lexists(folder):
        return
    if os.path.islink(folder) or not os.path.isdir(folder):
        os.unlink(folder)
        return
    for parent, folders, _ in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in folders)):
            if not os.path.islink(path):
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder)


def write_whole(path: str, data: bytes) -> None:
    """Write a file so that it is there completely or not at all."""
    new = f"{path}.hubkiln-{os.getpid()}"
    try:
        with open(new, "wb") as file:
            file.write(data)
        os.replace(new, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
