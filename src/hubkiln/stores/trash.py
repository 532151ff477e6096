"""Where things go when they go: taken away whole by a rename, then deleted file by file while nobody waits."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hubkiln.removal import remove

FOLDER = "trash"


class Trash:
    """The folder ``trash`` of a data folder; what a killed process left in it goes the next time."""

    def __init__(self, root: Path, remove: Callable[[Path], None] = remove) -> None:
        """With `remove` it deletes a folder."""
        self._folder, self._remove = root / FOLDER, remove

    def take(self, path: Path) -> bool:
        """Take `path` away, whole; False if it is not there."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._folder / uuid.uuid4().hex
        try:
            path.rename(target)
        except FileNotFoundError:
            return False
        except PermissionError:  # a closed folder cannot be moved
            path.chmod(path.stat().st_mode & 0o777 | 0o700)
            path.rename(target)
        return True

    def empty(self) -> None:
        """Delete what was taken away, by us or by others before us."""
        for left in self._folder.glob("*"):
            with suppress(OSError):
                self._remove(left)
