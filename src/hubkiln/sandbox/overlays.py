"""Overlays as bubblewrap options, and the folders they need on disk before and after."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hubkiln import removal
from hubkiln.errors import DiskFull, ServiceError
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Overlay

LONGEST_OPTIONS = 4095
"""The kernel reads one page of mount options and cuts off the rest."""

_FIXED = len("lowerdir=,upperdir=,workdir=,userxattr")
_ROOT = len("/oldroot")


def options(overlay: Overlay) -> list[str]:
    """
    bubblewrap options that stack `overlay` at its target.

    Raises:
        ServiceError: more folders than the kernel takes in one mount.
    """
    check_length(overlay)
    if overlay.upper is None and len(overlay.lowers) == 1:
        return ["--ro-bind", str(overlay.lowers[0]), overlay.target]
    sources = [word for lower in overlay.lowers for word in ("--overlay-src", str(lower))]
    if overlay.upper is None:
        return [*sources, "--ro-overlay", overlay.target]
    return [*sources, "--overlay", str(overlay.upper), str(work_of(overlay.upper)), overlay.target]


def check_length(overlay: Overlay) -> None:
    """
    Raises:
        ServiceError: the mount options of `overlay` would be cut off by the kernel.
    """
    used = _FIXED + sum(_length(lower) + 1 for lower in overlay.lowers)
    if overlay.upper is not None:
        used += _length(overlay.upper) + _length(work_of(overlay.upper))
    if used > LONGEST_OPTIONS:
        raise ServiceError(
            f"{len(overlay.lowers)} layers at {overlay.target} are more than the kernel can stack "
            f"({used} bytes of mount options, at most {LONGEST_OPTIONS}).",
            hint="An admin's turn: keep the data folder at a shorter path, or merge layers.",
        )


def _length(path: Path) -> int:
    real = os.fsencode(os.path.realpath(path))
    return _ROOT + len(real) + sum(real.count(c) for c in b":,\\")


def work_of(upper: Path) -> Path:
    """The folder that the kernel needs beside `upper`, on the same file system."""
    return upper.with_name(f"{upper.name}.work")


def prepare(overlay: Overlay, identity: Identity, *, owner: int = 1000) -> Overlay:
    """
    Make the folders that `overlay` writes to; returns it.

    `owner` is the inside uid that the top folder belongs to: 1000 for homes and environments, 0 for a root file system.

    Raises:
        DiskFull: no space.
    """
    if overlay.upper is None:
        return overlay
    try:
        for folder in (overlay.upper, work_of(overlay.upper)):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)
                if identity.privileged:
                    os.chown(folder, identity.host_uid(owner), identity.host_gid(owner))
    except OSError as error:
        raise _translated(error, overlay.upper) from error
    return overlay


def _translated(error: OSError, folder: Path) -> ServiceError:
    if error.errno == errno.ENOSPC:
        return DiskFull(f"No space left to make {folder.name}.", hint="Free some space in the data folder.")
    return ServiceError(
        f"The folder for a sandbox could not be made: {error.strerror}.",
        hint="An admin's turn: look at the data folder.",
    )


def clean(upper: Path) -> None:
    """Remove `upper` and its work folder; missing ones are fine, folders without permission bits too."""
    for folder in (work_of(upper), upper):
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder tree whatever its permission bits and its depth; what is gone already is fine."""
    removal.remove(folder)
