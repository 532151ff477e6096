"""Asking costs a round trip, not a connection: most of what a push does is HEAD."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

from hubkiln.images.credentials import FixedLogins
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient


async def test_one_connection_serves_many_questions() -> None:
    """A registry that keeps connections open sees one for questions asked one after another."""
    connections = 0

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while (await reader.readline()).strip():
            while (await reader.readline()).strip():
                pass
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    name = parse_name(f"127.0.0.1:{server.sockets[0].getsockname()[1]}/work")
    async with server, RegistryClient(credentials=FixedLogins({})) as client:
        for _ in range(5):
            assert await client.has_blob(name, f"sha256:{'0' * 64}")
    assert connections == 1
