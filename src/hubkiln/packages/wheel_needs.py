"""What a wheel says of itself, read without fetching all of it: beside it where the index has that, else from its end.

The files are strangers': every read is bounded, and nothing of them is run.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from hubkiln.egress import unanswered
from hubkiln.errors import LockFailed, Unreachable
from hubkiln.packages.repair import understood
from hubkiln.packages.simple_index import IndexFile

_TAIL = 64 << 10
"""Bytes of a wheel's end that mostly hold its description: the folder of it is written last."""
_LARGEST_WHEEL = 256 << 20
_LARGEST_TEXT = 1 << 20


@dataclass(slots=True)
class WheelNeeds:
    """Reads what wheels need, each once."""

    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))

    async def requires(self, file: IndexFile) -> tuple[str, ...]:
        """
        The requirement lines of the wheel `file`.

        Raises:
            LockFailed: it is none. Unreachable.
        """
        if file.url not in self._known:
            async with self._slots:
                self._known[file.url] = tuple(understood(_needs(await _text(file))))
        return self._known[file.url]


def _needs(text: str) -> list[str]:
    return HeaderParser().parsestr(text, headersonly=True).get_all("Requires-Dist") or []


async def _text(file: IndexFile) -> str:
    if file.url.startswith("file:"):
        path = Path(unquote(urlsplit(file.url).path))
        return await asyncio.to_thread(_inside, path)
    try:
        async with httpx.AsyncClient(timeout=60, follow_redirects=True) as client:
            beside = await _read(client, f"{file.url}.metadata", {}, _LARGEST_TEXT)
            if beside is not None:
                return beside.decode("utf-8", "replace")
            tail = await _read(client, file.url, {"Range": f"bytes=-{_TAIL}"}, _LARGEST_WHEEL)
            try:
                return await asyncio.to_thread(_inside, tail or b"")
            except _Short:
                whole = await _read(client, file.url, {}, _LARGEST_WHEEL)
                return await asyncio.to_thread(_inside, whole or b"")
    except _Short as error:
        raise LockFailed(
            f"{file.filename} of the package index is no wheel.", hint="Ask for another version."
        ) from error
    except httpx.TransportError as error:
        raise unanswered(urlsplit(file.url).hostname or "", error) from error
    except httpx.HTTPError as error:
        raise Unreachable(f"{file.filename} cannot be read from the index.", hint="Try again in a minute.") from error


async def _read(client: httpx.AsyncClient, url: str, headers: dict[str, str], most: int) -> bytes | None:
    """At most `most` bytes of what is there; None if nothing is."""
    async with client.stream("GET", url, headers={"Accept-Encoding": "identity", **headers}) as answer:
        if answer.status_code not in (200, 206):
            return None
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > most:
                raise LockFailed(f"{url.rpartition('/')[2]} is too large.", hint="Ask for another version.")
        return bytes(body)


class _Short(Exception):
    """The description is not among the bytes that were read."""


def description(wheel: Path) -> str:
    """
    What the `wheel` on this machine's disk says of itself. Blocks.

    Raises:
        LockFailed: it is none.
    """
    try:
        return _inside(wheel)
    except _Short as error:
        raise LockFailed(f"{wheel.name} is no wheel.", hint="Build it anew.") from error


def _inside(wheel: bytes | Path) -> str:
    """The text of ``METADATA`` in a wheel: the file, or its end, or all of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel) if isinstance(wheel, bytes) else wheel) as archive:
            names = [one for one in archive.infolist() if one.filename.count("/") == 1]
            found = [one for one in names if one.filename.endswith(".dist-info/METADATA")]
            if len(found) != 1:
                raise _Short
            with archive.open(found[0]) as text:
                return text.read(_LARGEST_TEXT).decode("utf-8", "replace")
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, zlib.error, RuntimeError) as error:
        raise _Short from error
