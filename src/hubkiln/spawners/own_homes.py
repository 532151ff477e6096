"""The homes of users whom the machine knows, before they are shown inside a sandbox by somebody who may see all.

Whoever can put a link where we look would be shown a folder that they cannot reach themselves. So no part of the way
may be anybody's but root's or our own, and the folder itself must be the user's.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from hubkiln.errors import ServiceError
from hubkiln.sandbox import Identity

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def home_of(uid: int, told: str | None, identity: Identity) -> Path:
    """
    The home of the user `uid`, whose server will be `identity`: what the hub has `told`, else what the machine says.

    Raises:
        ServiceError: there is none, or it is not theirs alone to give.
    """
    home = Path(os.path.realpath(told if told is not None else _known(uid)))
    try:
        found = home.lstat()
    except OSError as error:
        raise _refused(home, error.strerror or "it cannot be read") from error
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(home, "it is no folder")
    if not identity.privileged:
        return home
    if found.st_uid not in (uid, identity.uid):
        raise _refused(home, "it is somebody else's")
    if uid == 0 and (len(home.parts) < 3 or home == Path(os.path.realpath(_known(0)))):
        raise _refused(home, "it is the system's")
    ours = {0, os.geteuid(), *((identity.uid,) if uid == 0 else ())}
    whose = found.st_uid
    for above in home.parents:
        kept = above.lstat()
        kept_apart = kept.st_mode & stat.S_ISVTX and whose in ours  # only who owns it can put another in its place
        if kept.st_uid not in (0, os.geteuid()) or (kept.st_mode & _OTHERS_WRITE and not kept_apart):
            raise _refused(home, f"others can change {above}")
        whose = kept.st_uid
    return home


def _known(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError as error:
        raise ServiceError(
            f"This machine knows no user with the uid {uid}.", hint="Ask an admin to make an account."
        ) from error


def _refused(home: Path, why: str) -> ServiceError:
    return ServiceError(f"The home {home} cannot be used: {why}.", hint="Ask an admin to look at it.")
