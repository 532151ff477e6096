"""A folder's files as they stand: their hash, and a copy of them. No link is followed, whatever changes meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from hubkiln.beneath import Beneath, Found, walk
from hubkiln.errors import AccessDenied
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.contents import leaving
from hubkiln.values import Say


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """
    What we may not read, or what changes while we read it, is the user's to put right.

    Raises:
        AccessDenied.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            raise
        raise AccessDenied(
            f"{folder / str(error.filename or '')} cannot be read: {error.strerror}.",
            hint="Make it readable, move it elsewhere, or build from a commit with --ref.",
        ) from error


def tree_hash(folder: Path, allowance: Allowance, skip: Collection[str] = ()) -> str:
    """
    sha256 over the paths, kinds and bytes of everything below `folder` except ``.git`` and the paths `skip`.

    Raises:
        TooLarge, AccessDenied.
    """
    digest = hashlib.sha256(b"hubkiln folder 1\0")
    with readable(folder):
        for found in walk(folder.resolve(), {*skip, ".git"}):
            _add(found, digest.update, allowance)
    return digest.hexdigest()


def copy(folder: Path, into: Path, allowance: Allowance, say: Say, skip: Collection[str] = ()) -> None:
    """
    Copy everything below `folder` but the paths `skip` into the folder `into`.

    Raises:
        TooLarge, AccessDenied.
    """
    links: list[str] = []
    with readable(folder), Beneath(into) as copied:
        for found in walk(folder.resolve(), skip):
            if found.path == ".git" and not found.is_folder:
                say("The folder is part of another git repository; its history is left out.\n")
                continue
            _copy(found, copied, allowance)
            if stat.S_ISLNK(found.status.st_mode):
                links.append(found.path)
    for link in leaving(into, links):
        say(f"The link {link} points outside the folder; it is kept and never followed.\n")


def _add(found: Found, update: Callable[[bytes], None], allowance: Allowance) -> None:
    if stat.S_ISLNK(found.status.st_mode):
        update(os.fsencode(f"link\0{found.path}\0{found.link()}\0"))
    elif found.is_file:
        allowance.take(files=1, size_bytes=found.status.st_size)
        with os.fdopen(found.open(), "rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        update(os.fsencode(f"file\0{found.path}\0{bool(found.status.st_mode & 0o100)}\0{inner}\0"))
    elif found.is_folder:
        update(os.fsencode(f"folder\0{found.path}\0"))


def _copy(found: Found, copied: Beneath, allowance: Allowance) -> None:
    parent, _, name = found.path.rpartition("/")
    with copied.folder(parent) as folder:
        if stat.S_ISLNK(found.status.st_mode):
            os.symlink(found.link(), name, dir_fd=folder.handle)
        elif found.is_folder:
            os.mkdir(name, 0o755, dir_fd=folder.handle)
        elif found.is_file:
            with os.fdopen(found.open(), "rb") as file, os.fdopen(folder.create(name), "wb") as target:
                what = os.fstat(file.fileno())
                allowance.take(files=1, size_bytes=what.st_size)
                shutil.copyfileobj(file, target, 1 << 20)
                os.fchmod(target.fileno(), stat.S_IMODE(what.st_mode) & 0o777)
                os.utime(target.fileno(), ns=(what.st_atime_ns, what.st_mtime_ns))
