"""Folders in folders, deeper than a path is long and than Python calls itself: tests that fail must not leave them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def deep_folder(folder: Path, levels: int) -> Iterator[Path]:
    """The new `folder` with so many in one another, each with a file; gone at the end."""
    folder.mkdir()
    inner = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(levels):
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
            os.mkdir("a-folder", dir_fd=inner)
            outer, inner = inner, os.open("a-folder", os.O_RDONLY, dir_fd=inner)
            os.close(outer)
        os.close(inner)
        yield folder
    finally:
        subprocess.run(["chmod", "-R", "u+rwx", folder], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", folder], check=True)
