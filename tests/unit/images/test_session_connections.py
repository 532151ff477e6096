"""Asking costs a round trip, not a connection: most of what a push does is HEAD."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter

from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.loopback import Loopback


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

    async with Loopback(serve) as server, RegistryClient(credentials=FixedLogins({})) as client:
        name = parse_name(f"{server.host}/work")
        for _ in range(5):
            assert await client.has_blob(name, f"sha256:{'0' * 64}")
    assert connections == 1
