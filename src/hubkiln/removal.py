"""Folders whose content came from elsewhere, removed: whatever is in them, however deep, no link followed."""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hubkiln.beneath import Beneath, change_mode, open_folder


def remove(path: Path) -> None:
    """
    Remove `path` and all in it, however deep it goes and whatever its permissions; what cannot be removed stays.

    Folders are emptied one by one into the topmost, so neither depth nor the length of a path is a limit.
    """
    with suppress(OSError):
        outside = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not _unlinked(path.name, outside):
                _permit(path.name, outside)
                with Beneath(open_folder(path.name, outside)) as top:
                    _empty(top.handle)
                os.rmdir(path.name, dir_fd=outside)
        finally:
            os.close(outside)


def _empty(top: int) -> None:
    numbers, kept = itertools.count(), set[str]()
    while folders := [name for name in os.listdir(top) if name not in kept and not _unlinked(name, top)]:
        for name in folders:
            kept.add(name)
            with suppress(OSError):
                _permit(name, top)
                with Beneath(open_folder(name, top)) as folder:
                    _lift(folder.handle, top, numbers)
                os.rmdir(name, dir_fd=top)
                kept.discard(name)


def _lift(folder: int, top: int, numbers: Iterator[int]) -> None:
    """Remove the files of `folder`, and move the folders in it to `top`."""
    for name in os.listdir(folder):
        if _unlinked(name, folder):
            continue
        _permit(name, folder)
        for number in numbers:
            try:
                os.rename(name, f".{number}", src_dir_fd=folder, dst_dir_fd=top)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise


def _unlinked(name: str, folder: int) -> bool:
    """Remove what is no folder, if that is allowed; False if it is a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError:
        return not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return True


def _permit(name: str, folder: int) -> None:
    """Let us into the folder `name`, if it is one of ours that is closed."""
    if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o700 != 0o700:
        change_mode(name, folder, 0o700)
