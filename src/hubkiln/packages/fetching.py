"""One try to fetch a wheel's file; :mod:`hubkiln.packages.download` says how often and how many at once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from hubkiln.errors import LockFailed, TooLarge, Unreachable
from hubkiln.packages.interface import Wheel

LARGEST = 8 << 30
"""Bytes of one file where the index does not tell its size."""

PIECE = 1 << 20
"""Bytes that are written or told of at a time."""

_RETRIED = {408, 425, 429, 500, 502, 503, 504}


class Again(Exception):
    """This try failed; another may not."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Part:
    """A wheel's file on its way: hashed as it is written, never read again."""

    def __init__(self, file: BinaryIO, wheel: Wheel) -> None:
        self._file, self._wheel = file, wheel
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of what was added, in hexadecimal."""
        return self._hash.hexdigest()

    def add(self, piece: bytes) -> None:
        """Bytes that follow."""
        self.size += len(piece)
        most = self._wheel.size or LARGEST
        if self.size > most:
            raise TooLarge(f"{self._wheel.filename} is longer than the {most} bytes that it should have.")
        self._file.write(piece)
        self._hash.update(piece)

    def restart(self) -> None:
        """Nothing of it came."""
        if self.size:
            self._file.seek(0)
            self._file.truncate()
            self._hash, self.size = hashlib.sha256(), 0

    def copy(self, path: Path) -> None:
        """All of `path`."""
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                self.add(piece)


def fetch(wheel: Wheel, part: Part, told: Callable[[int], None], client: httpx.Client, gone: threading.Event) -> None:
    """One try: from where the last one stopped, if the host can. Blocks."""
    have = part.size
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", wheel.url, headers=headers) as response:
        _check(response, wheel)
        if not (have and response.status_code == 206 and _starts_at(response, have)):
            part.restart()
        for piece in response.iter_raw():
            if gone.is_set():
                return
            part.add(piece)
            told(part.size)
    if wheel.size is not None and part.size < wheel.size:
        raise Again("the connection ended too early")


def _check(response: httpx.Response, wheel: Wheel) -> None:
    if response.status_code in _RETRIED:
        after = response.headers.get("Retry-After", "")
        raise Again(f"it answers {response.status_code}", float(after) if after.isdigit() else None)
    if response.status_code in (404, 410):
        raise LockFailed(
            f"{wheel.filename} is no longer in the package index.", hint="Make a new lock (refresh) and build again."
        )
    if response.status_code not in (200, 206):
        raise Unreachable(
            f"{urlsplit(wheel.url).hostname} answers {response.status_code} for {wheel.filename}.",
            hint="Ask the admin to check the package index and its credentials.",
        )


def _starts_at(response: httpx.Response, have: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-")
