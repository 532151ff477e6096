"""The way out of a step's sandbox where not everything may be reached: an HTTP proxy that asks first.

It takes ``CONNECT host:port`` and plain ``http://`` requests, one for each connection; looks the host up once, and
connects to the address that was allowed. Where this machine itself needs a proxy, that one looks up and connects,
and its password stays out of the sandbox.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address

from hubkiln.egress.allowed import Reach
from hubkiln.egress.guard import Lookup, literal, system_lookup
from hubkiln.egress.own import elsewhere, own_ips
from hubkiln.egress.requests import Bad, Request, Upstream, read_request, upstream_for
from hubkiln.egress.special import IP
from hubkiln.values import Say

_CHUNK = 65536
_HEAD_SECONDS = 30
_CONNECT_SECONDS = 60
_AT_ONCE = 256
_LINGER_SECONDS = 2


class Forbidden(Exception):
    """The admin does not allow it."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A connection to where a request goes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: Upstream | None


class StepProxy:
    """Serves one step; knows afterwards what it refused."""

    def __init__(
        self,
        reach: Reach,
        say: Say,
        *,
        lookup: Lookup = system_lookup,
        own: Callable[[], Collection[IP]] = own_ips,
        who: str = "Builds",
    ) -> None:
        """`own` are this machine's own addresses, which nobody reaches unless an admin lists them."""
        self._reach, self._say, self._who = reach, say, who
        self._lookup = elsewhere(reach, lookup, own)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        """``host:port`` of what was asked for in vain, each once, with the reason if that is not the name."""

    @asynccontextmanager
    async def serve(self, listener: socket.socket) -> AsyncIterator[None]:
        """A :data:`hubkiln.sandbox.interface.Door`; at its end every connection is cut."""
        server = await asyncio.start_server(self._accept, sock=listener, limit=_CHUNK)
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._client(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._slots:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await self._answered(reader, writer)
                    await _linger(reader, writer)
        finally:
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                request = await read_request(reader)
            async with asyncio.timeout(_CONNECT_SECONDS):
                way = await self._way(request)
        except Bad as error:
            await _refuse(writer, error.status, str(error))
        except Forbidden as error:
            await _refuse(writer, 403, str(error))
        except OSError as error:  # TimeoutError is one
            await _refuse(writer, 502, error.strerror or "It does not answer")
        else:
            try:
                await _carry(request, way, reader, writer)
            finally:
                way.writer.close()

    async def _way(self, request: Request) -> _Way:
        upstream = upstream_for(request)
        host, port = (upstream.host, upstream.port) if upstream else (request.host, request.port)
        if upstream is None:
            host = await self._address(request.host, request.port)
        elif not self._upstream_may(request.host, request.port):
            raise self._forbidden(request.host, request.port)
        return _Way(*await asyncio.open_connection(host, port, limit=_CHUNK), upstream)

    def _upstream_may(self, host: str, port: int) -> bool:
        """Whether this machine's proxy may be asked for `host`: an address is judged here, a name by its looks."""
        address = literal(host)
        return self._reach.names(host, port) if address is None else self._reach.allows(host, port, address)

    async def _address(self, host: str, port: int) -> str:
        """The address to connect to; the host is not looked up again."""
        try:
            found = await self._lookup(host, port)
        except (OSError, UnicodeError) as error:
            raise Bad(502, f"There is no host named {host}") from error
        for address in found:
            if self._reach.allows(host, port, ip_address(address.partition("%")[0])):
                return address
        raise self._forbidden(host, port)

    def _forbidden(self, host: str, port: int) -> Forbidden:
        name = f"{host}:{port}"
        if self._reach.names(host, port):
            name += ", an address inside this network,"
        if name not in self.refused:
            self.refused.append(name)
            self._say(f"Note: {self._who.lower()} may not reach {name} here.\n")
        return Forbidden(f"{self._who} may not reach {name} here")


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = f"{why}.\n".encode()
    head = f"HTTP/1.1 {status} {why}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode("latin-1", "replace") + b"Connection: close\r\n\r\n" + body)
    await writer.drain()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the client see the end: closing while there is more from it to read would take back what it was sent."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while await reader.read(_CHUNK):
                pass


async def _carry(request: Request, way: _Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if request.tunnel and way.upstream is None:
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await writer.drain()
    else:
        way.writer.write(request.forwarded(way.upstream))
    there = asyncio.ensure_future(_copy(reader, way.writer, None if request.tunnel else request.body_bytes))
    back = asyncio.ensure_future(_copy(way.reader, writer, None))
    try:
        await asyncio.gather(*((there, back) if request.tunnel else (back,)))
    finally:
        there.cancel()
        back.cancel()
        await asyncio.gather(there, back, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int | None) -> None:
    """Pass on `count` bytes, or all until the end, which is passed on too."""
    left = count
    while left is None or left > 0:
        data = await reader.read(_CHUNK if left is None else min(left, _CHUNK))
        if not data:
            break
        writer.write(data)
        await writer.drain()
        left = None if left is None else left - len(data)
    if count is None and writer.can_write_eof():
        with suppress(OSError):
            writer.write_eof()
