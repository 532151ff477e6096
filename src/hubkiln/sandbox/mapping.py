"""Users with uids of their own over stores that all share: the owner of what is stored becomes the user, in their
sandbox alone. Without that, nobody could change a file of an environment, or of an image's, in their own copy of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from hubkiln.sandbox import mapped_inside, overlays
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Room

_SECONDS = 10


def before(room: Room, stored: Identity, user: Identity) -> list[str]:
    """What goes before bubblewrap's command, so that what is `stored`'s is `user`'s in `room`."""
    folders = dict.fromkeys(_folders(room, stored)) if stored.uid != user.uid else {}
    return _command(stored.uid, user.uid, list(folders)) if folders else []


def _folders(room: Room, stored: Identity) -> list[str]:
    rootfs = () if room.rootfs is None else (room.rootfs,)
    lowers = [lower for overlay in (*rootfs, *room.overlays) for lower in overlay.lowers]
    shown = [mount.source for mount in room.mounts if not mount.writable and _belongs(mount.source, stored)]
    return [str(path.resolve()) for path in (*lowers, *shown)]


def _belongs(path: Path, stored: Identity) -> bool:
    try:
        return path.lstat().st_uid == stored.uid
    except OSError:
        return False


def _command(old: int, new: int, folders: list[str]) -> list[str]:
    return [sys.executable, "-I", "-S", mapped_inside.__file__, str(old), str(new), *folders, "--"]


@cache
def works(folder: Path, old: int, new: int) -> bool:
    """Whether the kernel, and the file system of `folder`, can do it: an overlay over a mapped folder is tried."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="probe-") as made:
        lower, upper = Path(made, "lower"), Path(made, "upper")
        for one in (lower, upper, overlays.work_of(upper), Path(made, "merged")):
            one.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={overlays.work_of(upper)},userxattr"
        mount = ["/bin/sh", "-c", 'mount -t overlay overlay -o "$0" "$1" && umount "$1"', options, f"{made}/merged"]
        try:
            done = subprocess.run(
                [*_command(old, new, [str(lower)]), *mount], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        overlays.remove(Path(made))
        Path(made).mkdir()
    return done.returncode == 0
