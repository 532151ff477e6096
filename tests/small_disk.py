"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder on a disk of 64 MB, which everybody may use; skips the test where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    with tempfile.TemporaryDirectory(prefix="full") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
        mounted = subprocess.run(mount, capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def enlarge(disk: Path) -> None:
    """Make room."""
    subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is; remove it to make some."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1024**2, 4096):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return filler
