"""Many layers as one folder of hard links: an overlay takes only as many folders as fit into 4096 bytes of names."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from hubkiln.errors import DiskFull, ServiceError
from hubkiln.sandbox.overlays import remove
from hubkiln.sandbox.showing import is_marked, is_whiteout


def merge(layers: Sequence[Path], folder: Path) -> None:
    """
    Make `folder` the image that `layers`, bottom first, show together; nothing may lie below them.

    Files are hard links, so `folder` must be on the layers' file system and, like them, never be written to. On
    failure it is removed.

    Raises:
        DiskFull: no space.
        ServiceError: it cannot be made.
    """
    folder.mkdir(parents=True)
    try:
        for layer in layers:
            _lay(layer, folder)
    except OSError as error:
        remove(folder)
        if error.errno == errno.ENOSPC:
            raise DiskFull("There is no space left to merge layers.", hint="Free some space.") from error
        raise ServiceError(
            f"Layers could not be merged: {error}.", hint="An admin's turn: look at the data folder."
        ) from error


def _lay(layer: Path, onto: Path) -> None:
    """Put one folder of a layer, and all below it, onto what is there; its own attributes last."""
    if is_marked(layer, "opaque", b"y"):
        for path in list(onto.iterdir()):
            _clear(path)
    with os.scandir(layer) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        _put(layer / name, onto / name)
    what = layer.stat()
    os.chown(onto, what.st_uid, what.st_gid)
    onto.chmod(stat.S_IMODE(what.st_mode))
    os.utime(onto, ns=(what.st_atime_ns, what.st_mtime_ns))


def _put(source: Path, target: Path) -> None:
    what = source.lstat()
    if is_whiteout(source, what):
        _clear(target)
    elif stat.S_ISDIR(what.st_mode):
        if not target.is_dir() or target.is_symlink():
            _clear(target)
            target.mkdir()
        elif not os.access(target, os.W_OK | os.X_OK):
            target.chmod(0o700)
        _lay(source, target)
    else:
        _clear(target)
        os.link(source, target, follow_symlinks=False)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        remove(target)
    elif os.path.lexists(target):
        target.unlink()
