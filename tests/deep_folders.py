"""Folders in folders, deeper than a path is long and than Python calls itself.

They lie outside of pytest's own folder, which pytest could not clean up if one was left there: by a test that was
killed, or by a mistake of ours that it found.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubkiln.removal import remove


@contextmanager
def deep_folder(levels: int) -> Iterator[Path]:
    """A folder with so many in one another, each with a file; at the end it is gone, and all that is beside it."""
    around = Path(tempfile.mkdtemp(prefix="hubkiln-endless-"))
    try:
        (made := around / "endless").mkdir()
        inner = os.open(made, os.O_RDONLY)
        for _ in range(levels):
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
            os.mkdir("a-folder", dir_fd=inner)
            outer, inner = inner, os.open("a-folder", os.O_RDONLY, dir_fd=inner)
            os.close(outer)
        os.close(inner)
        yield made
    finally:
        remove(around)
