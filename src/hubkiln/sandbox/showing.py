"""What shows through stacked folders, in which an overlay's marks hide what lies below."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_MARKS = ("user.overlay", "trusted.overlay")


def is_whiteout(file: Path, what: os.stat_result) -> bool:
    """True if `file`, of which `what` is the status, marks a deletion, in either of the kernel's ways."""
    if stat.S_ISCHR(what.st_mode):
        return what.st_rdev == 0
    return stat.S_ISREG(what.st_mode) and what.st_size == 0 and is_marked(file, "whiteout", None)


def is_marked(file: Path, mark: str, value: bytes | None) -> bool:
    """True if `file` has the overlay's attribute `mark`, with that `value` if one is given."""
    for space in _MARKS:
        with suppress(OSError):
            found = os.getxattr(file, f"{space}.{mark}", follow_symlinks=False)
            return value is None or found == value
    return False


def found_in(folders: Sequence[Path], name: str) -> Path | None:
    """What is seen as `name` in `folders`, top first; None for nothing."""
    for folder in folders:
        file = folder / name
        with suppress(FileNotFoundError):
            return None if is_whiteout(file, file.lstat()) else file
    return None


def names_in(folders: Sequence[Path]) -> set[str]:
    """All names that are seen in `folders`, top first."""
    seen: set[str] = set()
    hidden: set[str] = set()
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                gone = is_whiteout(folder / entry.name, entry.stat(follow_symlinks=False))
                if entry.name not in seen | hidden:
                    (hidden if gone else seen).add(entry.name)
    return seen


def within(folders: Sequence[Path], name: str) -> list[Path]:
    """
    The folders `name` in `folders` that show through each other, top first.

    Below one that is no folder, or an opaque one, nothing shows: least of all where a covered link leads on the host.
    """
    found = []
    for layer in folders:
        folder = layer / name
        try:
            mode = folder.lstat().st_mode
        except OSError:
            continue
        if not stat.S_ISDIR(mode):
            break
        found.append(folder)
        if is_marked(folder, "opaque", b"y"):
            break
    return found
