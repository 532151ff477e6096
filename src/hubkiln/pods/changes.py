"""What an agent has sent becomes upper folders, as an overlay's kernel would have left them.

So what reads a step's changes need not know where it ran. Nothing that is sent is believed: paths stay in their folder,
no link is followed, and there is a most for everything.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hubkiln.conventions import UID
from hubkiln.errors import BuildFailed, ServiceError
from hubkiln.sandbox import OWNER_NOTE, Identity

LONGEST_HEADER = 64 * 1024
_PIECE = 1 << 20
_LENGTH, _DIGEST = struct.Struct(">I"), 32
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Change:
    """What one path has become."""

    path: str
    mode: int
    """With its type; 0 for what is gone."""
    uid: int
    gid: int
    size: int
    link: str


def lay(stream: IO[bytes], places: Mapping[str, Path], identity: Identity, *, root: bool) -> None:
    """
    Put what `stream` has into the folder of the place that it is in: `places` are by absolute path, ``/`` among them.

    Their folders are made, those that are there must be empty. A step's user could have sent it as well, so no file of
    another user's runs with that one's rights unless the step was root. `root` tells of such a step: whose
    files are whose is then noted for :mod:`hubkiln.sandbox.owners`, where we are not.

    Raises:
        BuildFailed: a device file.
        ServiceError: it is damaged, or leads outside.
    """
    hashed = _Hashed(stream)
    laying = _Laying(places, identity, root=root)
    while (length := _LENGTH.unpack(hashed.exactly(_LENGTH.size))[0]) != 0:
        if length > LONGEST_HEADER:
            raise _damaged("a name is too long")
        try:
            laying.put(_change(hashed.exactly(length)), hashed)
        except FileExistsError as error:
            raise _damaged("a name is there twice") from error
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise _damaged("a name is too long") from error
            raise
    expected = hashed.hash.digest()
    if stream.read(_DIGEST) != expected:
        raise _damaged("its hash is another")
    laying.finish()


class _Hashed:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.hash = stream, hashlib.sha256()

    def exactly(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) != count:
            raise _damaged("it ends early")
        self.hash.update(data)
        return data


class _Laying:
    def __init__(self, places: Mapping[str, Path], identity: Identity, *, root: bool) -> None:
        self._places = {place.strip("/"): folder for place, folder in places.items()}
        self._identity, self._root, self._noting = identity, root, root and not identity.privileged
        self._modes: dict[Path, Change] = {}
        self._known = set(self._places.values())
        for place, folder in self._places.items():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
            if identity.privileged:
                inside = UID if place else 0
                os.chown(folder, identity.host_uid(inside), identity.host_gid(inside))

    def put(self, change: Change, content: _Hashed) -> None:
        """One path."""
        folder, relative = self._place(change.path)
        target = folder / relative if relative else folder
        if relative:
            self._check_parent(folder, relative)
        if not relative and not stat.S_ISDIR(change.mode):
            raise BuildFailed(
                f"The step removed the folder {change.path}, which every image has.", hint="Empty it instead."
            )
        if change.mode == 0:
            self._gone(target)
        elif stat.S_ISDIR(change.mode):
            if relative:
                target.mkdir()
            self._known.add(target)
            self._modes[target] = change
        elif stat.S_ISREG(change.mode):
            self._file(target, change, content)
        elif stat.S_ISLNK(change.mode):
            target.symlink_to(change.link)
            self._own(target, change)
        elif stat.S_ISCHR(change.mode) or stat.S_ISBLK(change.mode):
            hint = "Images made here cannot hold device files."
            raise BuildFailed(f"The step made a device file, {change.path}.", hint=hint)

    def _place(self, path: str) -> tuple[Path, str]:
        holding = [place for place in self._places if place in ("", path) or path.startswith(f"{place}/")]
        place = max(holding, key=len)
        return self._places[place], path[len(place) :].lstrip("/")

    def _check_parent(self, folder: Path, relative: str) -> None:
        if (folder / relative).parent not in self._known:
            raise _damaged("a folder is missing")

    def _gone(self, target: Path) -> None:
        try:
            os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))
        except PermissionError:
            target.touch()
            os.setxattr(target, "user.overlay.whiteout", b"y")

    def _file(self, target: Path, change: Change, content: _Hashed) -> None:
        left = change.size
        with os.fdopen(os.open(target, _NEW, 0o600), "wb") as file:
            while left:
                piece = content.exactly(min(left, _PIECE))
                left -= len(piece)
                file.write(piece)
        self._own(target, change)
        given = change.mode if self._root or change.uid == UID else change.mode & ~(stat.S_ISUID | stat.S_ISGID)
        target.chmod(stat.S_IMODE(given) | (0o400 if self._noting else 0))

    def _own(self, target: Path, change: Change) -> None:
        if self._identity.privileged:
            uid, gid = self._identity.host_uid(change.uid), self._identity.host_gid(change.gid)
            os.chown(target, uid, gid, follow_symlinks=False)
        elif self._noting and not stat.S_ISLNK(change.mode):
            note = f"{change.uid} {change.gid} {stat.S_IMODE(change.mode):o}"
            os.setxattr(target, OWNER_NOTE, note.encode())

    def finish(self) -> None:
        """Folders last: a closed one could not be filled."""
        for folder in sorted(self._modes, reverse=True):
            self._own(folder, self._modes[folder])
            folder.chmod(stat.S_IMODE(self._modes[folder].mode) | (0o500 if self._noting else 0))


def _change(header: bytes) -> Change:
    with suppress(ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        path, mode, uid, gid, size, link = json.loads(header)
        bounds = ((mode, 1 << 16), (uid, 1 << 31), (gid, 1 << 31), (size, 1 << 62))
        numbers = all(isinstance(number, int) and 0 <= number < most for number, most in bounds)
        parts, leads = path.split("/"), not stat.S_ISLNK(mode) or link != ""
        if numbers and leads and not set(parts) & {"", ".", ".."} and b"\0" not in os.fsencode(path + link):
            return Change(path, mode, uid, gid, size, link)
    raise _damaged("a name leads elsewhere")


def _damaged(why: str) -> ServiceError:
    return ServiceError(f"What a step pod sent cannot be read: {why}.", hint="Try again.")
