"""What a connection may send before it is heard, and how an answer leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from hubkiln.web.reading import LARGEST_HEAD, PIECE, Reading

HEAD = b"GET /a%2Fb?c=d HTTP/1.1\r\nHost: x\r\n"


class Recording(Reading):
    """Keeps what is written, piece by piece."""

    pieces: list[bytes]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        write = transport.write
        self.pieces = []
        transport.write = lambda data: (self.pieces.append(bytes(data)), write(data))[1]  # type: ignore[assignment, method-assign, func-returns-value]
        super().connection_made(transport)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how many bytes came and which path; `/many` answers in a thousand pieces."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/many":
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
    told = f"{len(body)} {scope['raw_path'].decode()} {scope['path']}"
    await send({"type": "http.response.body", "body": told.encode()})


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[Recording]]]:
    """A server's port, and its connections."""
    config = uvicorn.Config(app, http=Recording, lifespan="off", log_config=None)
    config.load()
    made: list[Recording] = []

    def connection() -> Recording:
        made.append(Recording(config, ServerState(), {}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], made


async def answer(port: int, *sent: bytes) -> bytes:
    """All that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("path", [b"/a", b"/many"])
async def test_an_old_client_gets_the_body_alone(path: bytes) -> None:
    """HTTP/1.0 knows no chunks: the answer ends with its connection, whatever the client asks to be kept."""
    async with listening() as (port, _):
        got = await answer(port, b"GET " + path + b" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower() and b"connection: close" in head.lower()
    assert body == (b"x" * 1_000_000 if path == b"/many" else b"") + b"0 " + path + b" " + path


@pytest.mark.parametrize(
    ("begin", "status", "says"),
    [
        (HEAD + b"X: ", 431, "The headers are larger than 64 KiB."),
        (b"GET /", 414, "The address is longer than 64 KiB."),
    ],
)
async def test_a_head_without_end_is_cut(begin: bytes, status: int, says: str) -> None:
    """One endless header or address takes no more memory than its bound; a sentence says which it was."""
    async with listening() as (port, _):
        got = await answer(port, begin, *[b"y" * 1024] * (LARGEST_HEAD // 1024 + 1))
        assert got.startswith(f"HTTP/1.1 {status} ".encode())
        assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["message"] == says


async def test_a_long_address_that_comes_at_once_is_refused_so_too() -> None:
    """As one that comes in pieces; what is no request at all is told so."""
    async with listening() as (port, _):
        long = b"GET /?" + b"y" * (LARGEST_HEAD + 5000) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await answer(port, long)).startswith(b"HTTP/1.1 414 ")
        assert (await answer(port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


CHUNKED = HEAD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("begin", [b"5;", b"5\r\nabcde\r\n0\r\nX: "])
async def test_what_stands_around_a_body_has_an_end_too(begin: bytes) -> None:
    """An endless note of a chunk, or header behind the last: the connection is closed."""
    async with listening() as (port, made):
        with suppress(ConnectionError):
            await answer(port, CHUNKED + begin, *[b"y" * 1024] * (LARGEST_HEAD // 1024 + 600))
        assert made[0].transport.is_closing()


async def test_a_header_behind_the_body_is_none_of_the_request() -> None:
    """Neither what the application reads nor what is kept for the connection grows by it."""
    async with listening() as (port, made):
        assert b" 200 " in await answer(port, CHUNKED + b"5\r\nabcde\r\n0\r\nX-User: root\r\n\r\n")
        assert b"x-user" not in dict(made[0].headers)


async def test_a_body_may_be_larger_than_a_head() -> None:
    """It has a bound of its own; the path comes as it was sent, and decoded."""
    size = 3 * LARGEST_HEAD
    head = HEAD.replace(b"GET", b"POST") + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size
    async with listening() as (port, _):
        assert (await answer(port, head, *[b"z" * 1024] * (size // 1024))).endswith(
            f"{size} /a%2Fb /a/b\r\n0\r\n\r\n".encode()
        )


async def test_an_answer_leaves_in_one_piece() -> None:
    """Each piece wakes its reader."""
    async with listening() as (port, made):
        assert b" 200 " in await answer(port, HEAD + b"Connection: close\r\n\r\n")
        assert len(made[0].pieces) == 1


async def test_a_long_answer_is_not_gathered() -> None:
    """A slow reader must hold up whoever tells, not fill the memory."""
    async with listening() as (port, made):
        found = await answer(port, b"GET /many HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert found.count(b"x" * 1000) == 1000
        assert max(len(piece) for piece in made[0].pieces) < PIECE + 2000
