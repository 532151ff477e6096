"""Blobs between disk and registry: streamed, checked, resumed.

A download that breaks off goes on from the byte it reached, with the hash it had; an upload larger than a chunk goes
in pieces, and after a lost connection the registry is asked how much it has. No blob is ever held in memory whole,
and an upload that is given up is cancelled so that nothing is left in the registry.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx

from hubkiln.egress import joined
from hubkiln.errors import HubkilnError, ServiceError, Unreachable
from hubkiln.images import failures
from hubkiln.images.auth import Want
from hubkiln.images.interface import Descriptor, Moved
from hubkiln.images.names import ImageName
from hubkiln.images.retrying import Again
from hubkiln.images.session import Answer, Ask, Body, Session, read_small

_PIECE = 1024**2  # bytes per read or write; the only part of a blob in memory
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)\Z")


def nothing_moved(digest: str, done: int, total: int) -> None:
    """For callers who do not follow progress."""


class Download:
    """One blob on its way to a file; :meth:`once` may be called until it succeeds."""

    def __init__(self, session: Session, name: ImageName, blob: Descriptor, file: BinaryIO, moved: Moved) -> None:
        self._session, self._name, self._blob, self._file, self._moved = session, name, blob, file, moved
        self._done = 0
        self._hash = hashlib.sha256()

    async def once(self) -> None:
        """
        Fetch what is missing and check the whole.

        Raises:
            Again: broken off, or what came is not what was promised.
        """
        before = self._done
        try:
            await self._fetch()
        except Again as again:
            again.progressed = self._done > before
            raise
        if self._done != self._blob.size or f"sha256:{self._hash.hexdigest()}" != self._blob.digest:
            self._restart()
            hint = "Try again; if it stays so, the registry's storage is damaged."
            raise Again(Unreachable(f"{self._name.host} sent a damaged part of {self._name.path}.", hint=hint))

    async def _fetch(self) -> None:
        if self._done == self._blob.size:
            return
        headers = {"Range": f"bytes={self._done}-"} if self._done else {}
        url = self._session.url(self._name, f"blobs/{self._blob.digest}")
        async with self._session.open(
            Ask(method="GET", url=url, want=Want(name=self._name), headers=headers)
        ) as response:
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {self._done}-")
            if response.status_code == 416 or (response.status_code == 206 and not resumed):
                self._restart()
                raise Again(Unreachable(f"{self._name.host} cannot go on with an interrupted download."))
            if response.status_code not in (200, 206):
                answer = Answer(response.status_code, response.headers, await read_small(response), url)
                raise failures.refusal(answer, self._name, "pull")
            if response.status_code == 200:
                self._restart()
            await self._receive(response)

    async def _receive(self, response: httpx.Response) -> None:
        """Gathered into larger pieces, and none of it lost when the connection breaks."""
        gathered = bytearray()
        try:
            async for some in response.aiter_raw():
                gathered += some
                if len(gathered) >= _PIECE:
                    piece = bytes(gathered)
                    gathered.clear()
                    await asyncio.to_thread(self._take, piece)
        finally:
            if gathered:
                self._take(bytes(gathered))

    def _take(self, piece: bytes) -> None:
        if self._done + len(piece) > self._blob.size:
            self._restart()
            raise Again(Unreachable(f"{self._name.host} sent more than the {self._blob.size} bytes it promised."))
        with failures.disk("image layers"):
            self._file.write(piece)
        self._hash.update(piece)
        self._done += len(piece)
        self._moved(self._blob.digest, self._done, self._blob.size)

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self._done = 0


class Upload:
    """One blob on its way to a registry: call :meth:`once` until it succeeds, or :meth:`cancel`."""

    def __init__(
        self, session: Session, name: ImageName, blob: Descriptor, source: Path | bytes, *, chunk: int, moved: Moved
    ) -> None:
        self._session, self._name, self._blob, self._source = session, name, blob, source
        self._chunk, self._moved = chunk, moved
        self._want = Want(name=name, push=True)
        self._location: str | None = None
        self._offset = 0
        self._whole = blob.size <= chunk
        self._tried = 0

    async def once(self) -> None:
        """
        Send what the registry does not have yet.

        Raises:
            Again: broken off; the next call goes on where the registry says it is, or starts over.
        """
        before, self._tried = self._offset, self._tried + 1
        try:
            if self._tried > 1 and await self._arrived():
                return
            await (self._in_one() if self._whole else self._in_pieces())
        except Again as again:
            again.progressed = self._offset > before
            raise

    async def cancel(self) -> None:
        """Tell the registry to forget a started upload; never raises for what cannot be reached."""
        location, self._location = self._location, None
        if location is not None:
            with suppress(Again, HubkilnError):
                async with self._session.open(Ask(method="DELETE", url=location, want=self._want)):
                    pass

    async def _arrived(self) -> bool:
        """True if an attempt succeeded whose answer never came."""
        answer = await self._send("HEAD", self._session.url(self._name, f"blobs/{self._blob.digest}"))
        if answer.status == 200:
            self._location = None
        return answer.status == 200

    async def _in_one(self) -> None:
        await self.cancel()
        await self._start()
        await self._finish(self._body(0, self._blob.size), self._blob.size)

    async def _in_pieces(self) -> None:
        if self._location is not None:
            await self._where()
        if self._location is None:
            await self._start()
        while self._offset < self._blob.size and not self._whole:
            await self._piece()
        if self._whole:
            await self._in_one()
        else:
            await self._finish(b"", 0)

    async def _start(self) -> None:
        answer = await self._send("POST", self._session.url(self._name, "blobs/uploads/"))
        location = answer.headers.get("Location", "")
        if answer.status != 202 or not location:
            raise failures.refusal(answer, self._name, "push to")
        self._location, self._offset = joined(answer.url, location), 0
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        if least.isdigit():
            self._chunk = max(self._chunk, int(least))

    async def _where(self) -> None:
        """Ask how much arrived; a registry that has lost count makes us start over."""
        assert self._location is not None
        answer = await self._send("GET", self._location)
        reached = _RANGE.match(answer.headers.get("Range", ""))
        if answer.status == 204 and (reached or answer.headers.get("Range") in ("0--1", "")):
            self._offset = int(reached.group(1)) + 1 if reached and reached.group(1) != "0" else 0
            self._location = joined(answer.url, answer.headers.get("Location") or self._location)
        if answer.status != 204 or self._offset > self._blob.size:
            await self.cancel()
            self._offset = 0

    async def _piece(self) -> None:
        assert self._location is not None
        start, end = self._offset, min(self._offset + self._chunk, self._blob.size)
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{end - 1}"}
        answer = await self._send("PATCH", self._location, self._body(start, end), end - start, headers)
        if answer.status in (404, 416):
            raise Again(Unreachable(f"{self._name.host} lost part of an upload."))
        if answer.status in (405, 501):
            self._whole = True
            return
        if answer.status not in (201, 202, 204):
            raise failures.refusal(answer, self._name, "push to")
        self._location = joined(answer.url, answer.headers.get("Location") or self._location)
        self._offset = end
        self._moved(self._blob.digest, end, self._blob.size)

    async def _finish(self, body: Body, length: int) -> None:
        assert self._location is not None
        joint = "&" if "?" in self._location else "?"
        url = f"{self._location}{joint}digest={quote(self._blob.digest)}"
        answer = await self._send("PUT", url, body, length, {"Content-Type": "application/octet-stream"})
        if answer.status == 404:
            self._location = None
            raise Again(Unreachable(f"{self._name.host} lost an upload before its end."))
        if answer.status not in (201, 204):
            raise failures.refusal(answer, self._name, "push to")
        self._location = None
        self._moved(self._blob.digest, self._blob.size, self._blob.size)

    async def _send(
        self, method: str, url: str, body: Body = b"", length: int = 0, headers: dict[str, str] | None = None
    ) -> Answer:
        sized = {**(headers or {}), "Content-Length": str(length)}
        ask = Ask(
            method=method,
            url=url,
            want=self._want,
            headers=sized if method in ("POST", "PUT", "PATCH") else {},
            body=body,
        )
        async with self._session.open(ask) as response:
            text = b"" if method == "HEAD" else await read_small(response)
            return Answer(response.status_code, response.headers, text, url)

    def _body(self, start: int, end: int) -> Body:
        if isinstance(self._source, bytes):
            return self._source[start:end]
        return lambda: read_slice(self._source, start, end)  # type: ignore[arg-type]


async def read_slice(file: Path, start: int, end: int) -> AsyncGenerator[bytes]:
    """
    Bytes `start` to `end` of `file`, a piece at a time.

    Raises:
        ServiceError: the file is shorter than that.
    """
    with file.open("rb") as opened:  # at once: what a thread opens for somebody who is cancelled, nobody closes
        opened.seek(start)
        while start < end:
            piece = await asyncio.to_thread(opened.read, min(_PIECE, end - start))
            if not piece:
                raise ServiceError(f"{os.fspath(file)} changed while it was being uploaded.")
            start += len(piece)
            yield piece
