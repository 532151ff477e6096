"""Files that a root of an ordinary user's sandbox gave to others: made readable for us, and told as they were.

When we are root this is not needed: then every file can be read, whoever has it.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from hubkiln.errors import ServiceError
from hubkiln.sandbox import own_inside, user_namespace
from hubkiln.sandbox.identity import WIDTH, Identity

Owned = tuple[int, int, int]
"""``(uid, gid, mode)`` inside."""


async def take_over(folder: Path, identity: Identity) -> None:
    """
    Make all below `folder` readable for us, the ordinary user `identity`.

    Raises:
        ServiceError: that does not work.
    """
    words = [sys.executable, "-I", "-S", own_inside.__file__, str(folder)]
    done = await user_namespace.run_as_root(identity, words)
    if done.code != 0:
        said = (done.output.strip().splitlines() or ["it did not answer"])[-1]
        raise ServiceError(
            f"What the step wrote cannot be read: {said}.",
            hint="An admin's turn: the data folder must be on a disk with attributes.",
        )


def noted(file: Path, what: os.stat_result) -> Owned | None:
    """What `file`, of which `what` is the status, was before :func:`take_over`; None if it was not touched."""
    if not stat.S_ISREG(what.st_mode) and not stat.S_ISDIR(what.st_mode):
        return None
    try:
        uid, gid, mode = os.getxattr(file, own_inside.NOTE, follow_symlinks=False).split()
        found = (int(uid), int(gid), int(mode, 8) & 0o7777)
    except (OSError, ValueError):
        return None
    return found if all(0 <= number < WIDTH for number in found[:2]) else None
