"""A program: makes every file below a folder readable for whoever is root of a user namespace, and notes what it was.

Run by path as that root (see :mod:`hubkiln.sandbox.owners`), so it imports the standard library alone. Without it, an
ordinary user could not read what a package gave to users of its own: outside the namespace those are strangers.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

NOTE = "user.hubkiln.owner"
"""Attribute with ``uid gid mode``, as they were inside; mode in octal."""


def main(folder: str) -> None:
    """All of `folder` but itself; links and special files hold nothing to be read."""
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            take(Path(path, name))


def take(path: Path) -> None:
    """Make one file or folder ours, unless it is and can be read."""
    what = path.lstat()
    folder = stat.S_ISDIR(what.st_mode)
    needed = 0o500 if folder else 0o400
    if not folder and not stat.S_ISREG(what.st_mode):
        return
    if what.st_uid == 0 and what.st_mode & needed == needed:
        return
    os.setxattr(path, NOTE, f"{what.st_uid} {what.st_gid} {stat.S_IMODE(what.st_mode):o}".encode())
    os.chown(path, 0, -1)
    path.chmod(stat.S_IMODE(what.st_mode) | needed)


if __name__ == "__main__":
    main(sys.argv[1])
