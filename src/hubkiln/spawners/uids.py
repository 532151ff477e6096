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
from hubkiln.errors import ServiceError
from hubkiln.sandbox import USER_UIDS, Identity, works


@dataclass(frozen=True, slots=True)
class Uids:
    """Kept in `file`: one name on each line as JSON, the first has the first uid. Lines are only ever added."""

    file: Path
    first: int = USER_UIDS[0]
    last: int = USER_UIDS[1]

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


def own_identity(hub: Path, user: str, shared: Identity, uids: tuple[int, int]) -> Identity:
    """
    Who `user`'s sandboxes are, somebody of the range `uids`; `shared` where we are not root, or the kernel cannot show
    stored files as theirs.

    Raises:
        ServiceError: see :class:`Uids`.
    """
    if not shared.privileged or not works(hub, shared.uid, uids[1]):
        return shared
    return shared.of(Uids(hub / "uids", *uids).get(user))


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
