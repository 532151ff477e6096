"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

from hubkiln.beneath import remove


def settle(made: Path, final: Path) -> bool:
    """Move `made` to `final` whole; False (and `made` stays) if somebody else was first."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def put(made: Path, final: Path) -> None:
    """Move the folder `made` to `final` whole, unless somebody else was first; then it is removed."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        remove(made)
