"""Folders and files that take no writes for a while."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_flag = pytest.mark.skipif(os.geteuid() != 0, reason="only root takes writes away from who has a file open")
"""For tests with ``opened=True``, which would else be skipped in the middle, with everything open."""

NOT_ALLOWED = ("Permission denied", "Operation not permitted")
"""The system's words for it: by a mode, and by the flag."""


@contextmanager
def closed(*paths: Path, opened: bool = False) -> Iterator[None]:
    """
    Nobody writes to `paths`; skips the test where that cannot be brought about.

    By their mode, which root heeds not and who has them open does not meet; so by a flag where we are root, or they
    are `opened`.
    """
    if os.geteuid() != 0 and not opened:
        modes = [path.stat().st_mode for path in paths]
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in zip(paths, modes, strict=True):
                path.chmod(mode)
        return
    done = subprocess.run(["chattr", "+i", *paths], capture_output=True, text=True, check=False)
    try:
        if done.returncode != 0:
            pytest.skip(f"files cannot be closed here: {done.stderr.strip()}")
        yield
    finally:
        subprocess.run(["chattr", "-i", *paths], capture_output=True, check=False)
