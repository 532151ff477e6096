"""How much a fetch may bring: files and bytes counted before they are written, and watched while they arrive."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hubkiln.errors import TooLarge
from hubkiln.repositories.interface import RepositorySettings

T = TypeVar("T")


@dataclass(slots=True)
class Allowance:
    """What one fetch may still write, submodules included."""

    settings: RepositorySettings
    bytes_used: int = 0
    files_used: int = 0

    def take(self, *, files: int = 0, size_bytes: int = 0) -> None:
        """
        Count what is about to be written.

        Raises:
            TooLarge: that would be more than allowed.
        """
        self.files_used += files
        self.bytes_used += size_bytes
        if self.files_used > self.settings.max_files:
            raise TooLarge(
                f"The repository holds more than {self.settings.max_files:,} files.",
                hint="Keep data outside the repository, or ask an admin to raise the limit.",
            )
        if self.bytes_used > self.settings.max_bytes:
            raise self.too_many_bytes()

    @property
    def left_bytes(self) -> int:
        """Bytes that may still be written."""
        return self.settings.max_bytes - self.bytes_used

    def too_many_bytes(self) -> TooLarge:
        """The error for more bytes than allowed."""
        return TooLarge(
            f"The repository is larger than the {shown(self.settings.max_bytes)} allowed.",
            hint="Keep large data outside the repository, or ask an admin to raise the limit.",
        )


async def watched(work: Coroutine[Any, Any, T], folder: Path, allowance: Allowance) -> T:
    """
    The result of `work`, which writes into `folder`; cancelled when the folder outgrows what is left.

    Nothing tells a program's bytes as it writes them, so the folder is measured, at most a tenth of the time.

    Raises:
        TooLarge.
    """
    left = allowance.left_bytes
    task = asyncio.ensure_future(work)
    try:
        pause = 0.1
        while not (await asyncio.wait({task}, timeout=pause))[0]:
            started = time.monotonic()
            if await asyncio.to_thread(folder_bytes, folder) > left:
                raise allowance.too_many_bytes()
            pause = max(0.1, 10 * (time.monotonic() - started))
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


def folder_bytes(folder: Path) -> int:
    """Bytes of the files below `folder`, as far as they can be seen; nothing outside is followed."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def shown(size_bytes: float) -> str:
    """``4 GiB``, ``12.3 MiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size_bytes < 1024 or unit == "GiB":
            break
        size_bytes /= 1024
    return f"{size_bytes:.1f}".rstrip("0").rstrip(".") + f" {unit}"


def counted(files: int) -> str:
    """``1 file``, ``1,200 files``."""
    return "1 file" if files == 1 else f"{files:,} files"
