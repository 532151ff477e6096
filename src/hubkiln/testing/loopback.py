"""A listener on loopback whose connections all end with it: what asyncio's own server does not promise.

A connection that is still open when its loop ends is closed by the garbage collector, in whatever test runs then.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]
"""Serves one connection; it is closed when this returns, and a client that leaves too early is no error."""


class Loopback:
    """Serves every connection with `serve`; use as ``async with``."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._connections: list[tuple[asyncio.Task[None], StreamWriter]] = []

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``"""
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task, writer in self._connections:
            task.cancel()
            with suppress(OSError):  # bytes that nobody reads would hold it open
                writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        for task, writer in self._connections:
            with suppress(asyncio.CancelledError):
                await task
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._server.is_serving():
            self._connections.append((asyncio.ensure_future(self._one(reader, writer)), writer))
        else:
            writer.transport.abort()

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()
