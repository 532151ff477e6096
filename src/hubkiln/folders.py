"""Folders, files and notes that appear whole or not at all.

One rule holds for everything that we keep and believe later:

- It is written elsewhere and renamed, so nobody ever sees half of it, and of two who make the same the first wins.
- A *note* (a small file that says what was found out) is on the disk before it has its name: :func:`write_whole` asks
  the kernel for that. It costs a few milliseconds and is done once for each thing that is made.
- A note that cannot be read, however that came to be, is one that is not there: :func:`read_note` says None, and
  whoever needs it makes it again. So no power cut and no full disk leaves an error that stays.
- A large file that came from elsewhere is not flushed; it counts as there if it has its size (:func:`is_whole`), and
  is fetched again if not.
- Folders of many files are not flushed one by one. What is in them can be made again, and the documents that name
  them are written after them.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubkiln.beneath import Beneath, LeadsAway
from hubkiln.errors import DiskFull, ServiceError
from hubkiln.removal import remove

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""A folder or file that others may not use, or a disk that only reads."""

NOT_WRITABLE = "The folder in which builds are kept cannot be written."

LEAST_BYTES = 32 * 1024**2
"""Free space with which a build is begun; the smallest environment takes more."""


def no_folder(root: Path, subdir: str) -> tuple[str, str]:
    """What to say, and a hint, where `subdir` of the repository at `root` was asked for and is no folder in it."""
    path = Path(os.path.normpath(root / subdir))
    if path.resolve().is_relative_to(root.resolve()) and path.is_file():
        above = str(Path(os.path.normpath(subdir)).parent)
        at_the_top = "It lies at the top: leave the folder out."
        hint = at_the_top if above == "." else f"Give the folder that it is in: `{above}`."
        return f"`{subdir}` is a file of the repository, not a folder.", hint
    return f"The repository has no folder `{subdir}`.", "Check its spelling, capitals included, and the ref."


def settle(made: Path, final: Path) -> bool:
    """Move `made` to `final` whole; False (and `made` stays) if somebody else was first."""
    final.parent.mkdir(parents=True, exist_ok=True)
    os.utime(made)  # when it was last used, see hubkiln.stores: now
    try:
        made.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def take(made: Path, into: Path) -> None:
    """
    Move the folder `made` out of one that somebody else may write to, to `into`, where they cannot exchange it.

    Raises:
        LeadsAway: it is no folder; it is removed.
    """
    made.rename(into)
    try:
        with Beneath(into):
            pass
    except LeadsAway:
        into.unlink()
        raise


def put(made: Path, final: Path) -> None:
    """Move the folder `made` to `final` whole, unless somebody else was first; then it is removed."""
    if not settle(made, final):
        remove(made)


def is_whole(path: Path, size: int | None) -> bool:
    """Whether the file `path` has its `size`, where that is known: one cut by a power cut counts as not there."""
    try:
        found = path.stat().st_size
    except OSError:
        return False
    return found > 0 if size is None else found == size


def write_whole(path: Path, data: bytes) -> None:
    """Let the file `path` hold `data`, whatever was there before; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def keep_note(path: Path, document: dict[str, Any]) -> None:
    """Keep `document` at `path`, whole; see :func:`read_note`."""
    write_whole(path, json.dumps(document).encode())


def read_note(path: Path) -> dict[str, Any] | None:
    """What :func:`keep_note` kept at `path`; None if there is nothing that can be read."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def check_space(folder: Path, least: int = LEAST_BYTES) -> None:
    """
    See that the file system of `folder` has room to begin anything at all.

    Raises:
        DiskFull: it has not `least` bytes.
    """
    free = shutil.disk_usage(folder).free
    if free < least:
        raise DiskFull(
            f"There is no space left on the disk for this build: {free / 1e6:.0f} MB are free.",
            hint="Nothing is lost; make room (`hubkiln gc` says what can go), then try again.",
        )


def is_closed(error: Exception) -> bool:
    """Whether the system kept us out of a file or folder, which `error` then names."""
    return isinstance(error, OSError) and error.errno in CLOSED and error.filename is not None


@contextmanager
def disk_told() -> Iterator[None]:
    """
    Turns a disk that is full, or takes no writes, into an error of ours; other mistakes stay what they are.

    Raises:
        DiskFull: no space.
        ServiceError: a file or folder is closed to us.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                "There is no space left on the disk for this build.",
                hint="Nothing is lost; ask the admin to make room, then try again.",
            ) from error
        if is_closed(error):
            raise ServiceError(
                NOT_WRITABLE,
                hint="Nothing is lost; ask the admin, to whom `hubkiln doctor` says where, then try again.",
            ) from error
        raise


def writable(path: Path) -> str:
    """
    Why the folder or file `path` cannot be written, in the system's words; empty if it can.

    A folder is tried, with a file that has no name: a disk that met an error takes no writes and says nothing of it.
    """
    try:
        if path.is_dir():
            os.close(os.open(path, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as error:
        if error.errno in CLOSED:
            return os.strerror(error.errno)
    if os.access(path, os.W_OK):
        return ""
    return os.strerror(errno.EACCES if path.exists() else errno.ENOENT)
