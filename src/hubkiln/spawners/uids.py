"""A real uid for each user of a hub that was started as root, kept for good: nobody is ever given a removed user's.

One uid for all would let one user use up what the kernel counts by uid, and would leave sandboxes alone to keep
users' files apart. Named servers of a user share the uid as they share the home.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hubkiln.beneath import Beneath
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec, ServiceError
from hubkiln.sandbox import SHIFT, WIDTH, Identity, works

FIRST, LAST = SHIFT + WIDTH, SHIFT + 2 * WIDTH - 1
"""Straight behind the range of images' own owners; ``HUBKILN_USER_UIDS`` names another, as ``first-last``."""


@dataclass(frozen=True, slots=True)
class Uids:
    """Kept in `file`: one name on each line as JSON, the first has the first uid. Lines are only ever added."""

    file: Path
    first: int = FIRST
    last: int = LAST

    @classmethod
    def of(cls, file: Path, chosen: str = "") -> Uids:
        """
        With the range `chosen`, as ``first-last``; empty for the usual one.

        Raises:
            BadSpec: it is no range of unprivileged uids.
        """
        if not chosen:
            return cls(file)
        first, _, last = chosen.partition("-")
        numbers = [int(text) for text in (first, last) if text.isascii() and text.isdecimal()]
        if len(numbers) != 2 or not 1000 <= numbers[0] <= numbers[1] < 2**32 - 1 or _meet(*numbers):
            raise BadSpec(
                f"HUBKILN_USER_UIDS is {chosen!r}, which is no range of uids for users.",
                hint=f"Write it like {FIRST}-{LAST}, from 1000 on, apart from {SHIFT}-{SHIFT + WIDTH - 1}.",
            )
        return cls(file, *numbers)

    def get(self, name: str) -> int:
        """
        The uid of the user `name`, a new one if they have none; on disk before it is returned.

        Raises:
            ServiceError: all are given away.
        """
        with self.file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            whole, end, _ = file.read().rpartition(b"\n")
            names = whole.split(b"\n") if end else []
            wanted = json.dumps(name).encode()
            if wanted in names:
                return self._number(names.index(wanted))
            number = self._number(len(names))
            file.truncate(len(whole) + len(end))  # what a crash left of a line
            file.write(wanted + b"\n")
            file.flush()
            os.fsync(file.fileno())
            return number

    def _number(self, index: int) -> int:
        if self.first + index > self.last:
            raise ServiceError(
                f"All {self.last - self.first + 1} uids for users of this hub are given away.",
                hint="An admin can widen the range with HUBKILN_USER_UIDS; its beginning must stay.",
            )
        return self.first + index


def own_identity(data: DataDir, user: str, shared: Identity) -> Identity:
    """
    Who `user`'s sandboxes are: `shared` where we are not root, or the kernel cannot show stored files as theirs.

    Raises:
        BadSpec, ServiceError: see :class:`Uids`.
    """
    uids = Uids.of(data.hub / "uids", os.environ.get("HUBKILN_USER_UIDS", ""))
    if not shared.privileged or not works(data.hub, shared.uid, uids.last):
        return shared
    return shared.of(uids.get(user))


def _meet(first: int, last: int) -> bool:
    return first < SHIFT + WIDTH and last >= SHIFT


def take_over(home: Path, old: int, new: int) -> None:
    """
    Give what `old` has in `home` to `new`, the home itself last: stopped in the middle, the next time goes on.

    Raises:
        ServiceError: its file system does not let us.
    """
    try:
        with Beneath(home) as beneath:
            for found in beneath.walk(forgiving=True):
                if found.status.st_uid == old:
                    os.chown(found.name, new, new, dir_fd=found.folder, follow_symlinks=False)
        os.chown(home, new, new, follow_symlinks=False)
    except OSError as error:
        raise ServiceError(
            f"The home {home.name} could not be given to its user: {error.strerror}.",
            hint="The disk of the homes must let root change owners; over NFS that is no_root_squash.",
        ) from error
