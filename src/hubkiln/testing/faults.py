"""A proxy that does to HTTP what bad networks and busy registries do: for tests of what is survived.

A script looks at each request and names a fault, or None to pass it on untouched. Faults happen on the wire
(connections really break, bytes really stop), so a client cannot tell them from the real thing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from hubkiln.testing.loopback import Loopback

_PIECE = 65536


@dataclass(frozen=True)
class Answer:
    """Answer in the registry's place, which never sees the request."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class DropRequest:
    """Pass on so many bytes of the request's body, then break both connections."""

    after: int = 0


@dataclass(frozen=True)
class Truncate:
    """Pass on so many bytes of the response's body, then break the connection."""

    after: int = 0


@dataclass(frozen=True)
class Damage:
    """Change the first byte of the response's body."""


@dataclass(frozen=True)
class Stall:
    """Take the request and never answer; until the client leaves."""


@dataclass(frozen=True)
class Swallow:
    """Let the registry do what was asked, and break the connection instead of answering."""


Fault = Answer | DropRequest | Truncate | Damage | Stall | Swallow
Script = Callable[[str, str], Fault | None]
"""Given the method and the target (path and query)."""


def once(*faults: tuple[str, str, Fault]) -> Script:
    """Each (method, part of the target, fault) happens to the first request that fits, in order, then never again."""
    left = list(faults)

    def script(method: str, target: str) -> Fault | None:
        if left and left[0][0] == method and left[0][1] in target:
            return left.pop(0)[2]
        return None

    return script


class FaultProxy:
    """Listens on loopback and passes requests on to `upstream` (``host:port``, plain HTTP); use as ``async with``."""

    def __init__(self, upstream: str, script: Script = lambda method, target: None) -> None:
        self.script = script
        """May be replaced at any time."""
        self.seen: list[tuple[str, str]] = []
        """Method and target of every request."""
        self.host = ""
        self._upstream = upstream
        self._listener = Loopback(self._serve)

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        self.host = self._listener.host
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listener.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.decode("latin-1").split(" ", 2)[:2]
        length = _length(head)
        self.seen.append((method, target))
        fault = self.script(method, target)
        if isinstance(fault, Stall):
            await reader.read()
        elif isinstance(fault, Answer):
            await reader.readexactly(length)
            lines = "".join(f"{key}: {value}\r\n" for key, value in fault.headers.items())
            start = f"HTTP/1.1 {fault.status} Fault\r\nContent-Length: {len(fault.body)}\r\nConnection: close\r\n"
            writer.write(f"{start}{lines}\r\n".encode() + fault.body)
            await writer.drain()
        else:
            await self._pass_on(reader, writer, head, length, fault)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, length: int, fault: Fault | None
    ) -> None:
        host, _, port = self._upstream.partition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        try:
            up_writer.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            take = min(fault.after, length) if isinstance(fault, DropRequest) else length
            while take:
                piece = await reader.read(min(take, _PIECE))
                if not piece:
                    return
                up_writer.write(piece)
                await up_writer.drain()
                take -= len(piece)
            if isinstance(fault, DropRequest):
                writer.transport.abort()
                return
            if isinstance(fault, Swallow):
                await up_reader.read()
                writer.transport.abort()
                return
            await _answer_back(up_reader, writer, fault)
        finally:
            up_writer.close()
            with suppress(OSError):
                await up_writer.wait_closed()


async def _answer_back(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None) -> None:
    writer.write(await upstream.readuntil(b"\r\n\r\n"))
    left = fault.after if isinstance(fault, Truncate) else None
    damage = isinstance(fault, Damage)
    while left is None or left:
        piece = await upstream.read(_PIECE if left is None else min(left, _PIECE))
        if not piece:
            break
        if damage:
            piece, damage = bytes([piece[0] ^ 0xFF]) + piece[1:], False
        writer.write(piece)
        await writer.drain()
        left = None if left is None else left - len(piece)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
