"""Where agents bring what their steps have changed: a listener of its own, which serves nothing else.

Each upload is expected under the name of its pod, and sealed with a token that is good for it alone and never sent: who
reads or changes what crosses the network cannot bring something else. Of several replicas behind one address, the one
that does not expect it says ``elsewhere``, and the agent connects again. Steps are strangers' and can reach us, so who
has not shown what they bring is soon sent away, and where there are too many, whoever has been silent for longest makes
room: all pods of a node may have one address. Nobody brings anything for a step that has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.errors import ServiceError, TooLarge
from hubkiln.pods import agent

HELLO_SECONDS, SILENCE_SECONDS = 10.0, 120.0
MOST_STRANGERS, MOST_OF_ONE = 256, 32
"""Connections of whoever has not shown yet what they bring: of all, and from one address."""

_LINE = 512
_PIECE = 1 << 18


@dataclass(slots=True)
class Upload:
    """What one pod will bring."""

    token: str
    file: Path
    """What it brings, as it comes."""
    most: int
    arrived: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done when all of it is there; failed with TooLarge."""
    taking: asyncio.Task[None] | None = None
    """Who takes it from a connection just now."""


class Uploads:
    """The listener, at `host` and `port`; it listens from the first upload that is expected."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._expected: dict[str, Upload] = {}
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._open: set[asyncio.Task[None]] = set()
        self._strangers: dict[asyncio.StreamWriter, str] = {}
        """Their addresses, whoever came first standing first."""

    @asynccontextmanager
    async def expect(self, name: str, token: str, file: Path, most: int) -> AsyncIterator[Upload]:
        """
        Take an upload of the pod `name` into `file`, of `most` bytes; nothing comes after the context.

        Raises:
            ServiceError: we cannot listen.
        """
        await self._listen()
        upload = self._expected[name] = Upload(token, file, most)
        try:
            yield upload
        finally:
            if self._expected.get(name) is upload:
                del self._expected[name]
            if upload.taking is not None:
                upload.taking.cancel()
                await asyncio.wait({upload.taking})
            if not upload.arrived.done():
                upload.arrived.cancel()
            elif not upload.arrived.cancelled():
                upload.arrived.exception()

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _listen(self) -> None:
        async with self._opening:
            if self._server is None:
                try:
                    self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_LINE)
                except OSError as error:
                    raise ServiceError(
                        f"What step pods bring cannot be listened for at port {self._port}: {error.strerror}.",
                        hint="Set pods_port to a free one.",
                    ) from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                new = secrets.token_hex(16)
                words = await self._shown(reader, writer, new)
                await self._answer(reader, writer, words, new)
        finally:
            self._open.discard(task)
            writer.close()

    async def _shown(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, new: str) -> list[str]:
        """The first words of whoever came, who is a stranger until then; none of one who had to make room."""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        self._make_room(address)
        self._strangers[writer] = address
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                writer.write(f"{agent.HELLO} {new}\n".encode())
                return (await reader.readline()).decode("ascii").split()
        finally:
            self._strangers.pop(writer, None)

    def _make_room(self, address: str) -> None:
        """For one more of `address`: of too many of one address, or in all, the first has had time to speak."""
        count = Counter(self._strangers.values())
        if count[address] < MOST_OF_ONE:
            if count.total() < MOST_STRANGERS:
                return
            address = count.most_common(1)[0][0]
        first = next(writer for writer, whose in self._strangers.items() if whose == address)
        del self._strangers[first]
        first.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: list[str], new: str
    ) -> None:
        if len(words) != 4 or " ".join(words[:2]) != agent.HELLO:
            return
        upload = self._expected.get(words[2])
        if upload is None or upload.taking is not None:
            writer.write(b"elsewhere\n")
        elif upload.arrived.done() or not hmac.compare_digest(_proof(upload.token, "upload", new), words[3]):
            writer.write(b"no\n")
        else:
            writer.write(b"go\n")
            upload.taking = asyncio.current_task()
            try:
                if await self._take(reader, upload, _proof(upload.token, "content", new)):
                    writer.write(b"kept\n")
            finally:
                upload.taking = None
        await writer.drain()

    async def _take(self, reader: asyncio.StreamReader, upload: Upload, key: str) -> bool:
        """Whether all came: the agent ends what it sends by closing its half."""
        left = upload.most
        with upload.file.open("wb") as file:
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    piece = await reader.read(_PIECE)
                if not piece:
                    break
                left -= len(piece)
                if left < 0:
                    if not upload.arrived.done():
                        upload.arrived.set_exception(_too_large(upload.most))
                    return False
                await asyncio.to_thread(file.write, piece)
        if not await asyncio.to_thread(whole, upload.file, key):
            return False
        if not upload.arrived.done():
            upload.arrived.set_result(None)
        return True


def _proof(token: str, what: str, new: str) -> str:
    return str(agent.proof(token, what, new))  # type: ignore[no-untyped-call]


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        f"The step changed more than it may, {most // 1024**2} MiB.",
        hint="Write less to disk, or ask the administrator for a higher limit.",
    )


def whole(file: Path, key: str) -> bool:
    """Whether `file` ends with the hash of all before it, sealed with `key`."""
    size = file.stat().st_size - 2 * hashlib.sha256().digest_size
    if size < 0:
        return False
    found = hashlib.sha256()
    with file.open("rb") as content:
        while size:
            piece = content.read(min(size, _PIECE))
            size -= len(piece)
            found.update(piece)
        return hmac.compare_digest(content.read(), agent.sealed(key, found.digest()))  # type: ignore[no-untyped-call]
