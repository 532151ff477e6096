"""Bytes between pairs of connections, both ways, never more in memory than one piece each: plain sockets, no threads.

No asyncio: its import alone costs more memory than all of a relay.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

CHUNK = 262_144
"""Bytes of a piece; only as much is read from one side as the other has taken."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_BUSY_SECONDS, _FULL_SECONDS = 0.002, 0.05

Connect = Callable[[], socket.socket]
"""A new connection to where the other side is, which may still be under way; BlockingIOError if it is too busy."""
Admit = Callable[[socket.socket], bool]
"""Whether whoever came may pass."""


class Pump:
    """Waits for everything at once; :meth:`run` never returns."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def when(self, what: socket.socket | int, mask: int, then: Callable[[int], None] | None) -> None:
        """Call `then` whenever `what` is ready for something of `mask`; 0 forgets it."""
        known = what in self._selector.get_map()
        if not mask:
            if known:
                self._selector.unregister(what)
        elif known:
            self._selector.modify(what, mask, then)
        else:
            self._selector.register(what, mask, then)

    def at_end(self, descriptor: int, then: Callable[[], None]) -> None:
        """Call `then` when `descriptor`, of a process or a pipe, can be read."""
        self.when(descriptor, _READ, lambda _: then())

    def serve(self, listener: socket.socket, connect: Connect, admit: Admit, at_once: int) -> None:
        """Join whoever comes to `listener` with a connection of `connect`, at most `at_once`; others wait."""
        Entrance(self, listener, connect, admit, at_once).open()

    def run(self) -> NoReturn:
        """Go on until the process ends."""
        while True:
            for key, mask in self._selector.select():
                if self._selector.get_map().get(key.fd) is key:  # not forgotten, or changed, by one of the others
                    key.data(mask)


class Entrance:
    """One listening socket."""

    def __init__(self, pump: Pump, listener: socket.socket, connect: Connect, admit: Admit, at_once: int) -> None:
        self._pump, self._listener, self._connect, self._admit = pump, listener, connect, admit
        self._free = at_once
        listener.setblocking(False)

    def open(self) -> None:
        """Let people in."""
        self._pump.when(self._listener, _READ, lambda _: self._accept())

    def _accept(self) -> None:
        try:
            server = self._connect()
        except BlockingIOError:  # as many wait there already as may: whoever comes waits here
            time.sleep(_BUSY_SECONDS)
            return
        except OSError:
            server = None
        try:
            client, _ = self._listener.accept()
        except OSError as error:
            if server is not None:
                server.close()
            if error.errno in (errno.EMFILE, errno.ENFILE):  # those who wait are let in when others have gone
                time.sleep(_FULL_SECONDS)
            return
        if server is None or not self._admitted(client):
            for end in (client, server):
                if end is not None:
                    end.close()
            return
        client.setblocking(False)
        self._free -= 1
        if self._free <= 0:
            self._pump.when(self._listener, 0, None)
        Pair(self._pump, client, server, self._left).update()

    def _admitted(self, client: socket.socket) -> bool:
        """Whether they may pass; of whom that cannot be told may not, and end nothing."""
        try:
            return self._admit(client)
        except OSError:
            return False

    def _left(self) -> None:
        self._free += 1
        self.open()


class Pair:
    """Two connections that are one: what comes from either goes to the other, its end too."""

    def __init__(self, pump: Pump, client: socket.socket, server: socket.socket, left: Callable[[], None]) -> None:
        self._pump, self._left = pump, left
        self._other = {client: server, server: client}
        self._pending: dict[socket.socket, memoryview] = {client: memoryview(b""), server: memoryview(b"")}
        """What each has still to be sent."""
        self._ended: set[socket.socket] = set()
        """From whom nothing comes any more."""
        self._connecting: socket.socket | None = server
        for end in (client, server):
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def update(self) -> None:
        """Wait for what can be done next."""
        for end, other in self._other.items():
            reads = end not in self._ended and not self._pending[other] and self._connecting is None
            writes = bool(self._pending[end]) or end is self._connecting
            self._pump.when(end, _READ * reads | _WRITE * writes, lambda mask, end=end: self._ready(end, mask))  # type: ignore[misc]

    def _ready(self, end: socket.socket, mask: int) -> None:
        try:
            if end is self._connecting:
                error = end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self._connecting = None
            if mask & _WRITE:
                self._send(end)
            if mask & _READ:
                self._receive(end)
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        if len(self._ended) == 2 and not any(self._pending.values()):
            self._close()
        else:
            self.update()

    def _receive(self, end: socket.socket) -> None:
        data = end.recv(CHUNK)
        other = self._other[end]
        if not data:
            self._ended.add(end)
        self._pending[other] = memoryview(data)
        self._send(other)

    def _send(self, end: socket.socket) -> None:
        if self._pending[end]:
            with suppress(BlockingIOError):
                self._pending[end] = self._pending[end][end.send(self._pending[end]) :]
        if not self._pending[end] and self._other[end] in self._ended:
            end.shutdown(socket.SHUT_WR)

    def _close(self) -> None:
        for end in self._other:
            self._pump.when(end, 0, None)
            end.close()
        self._left()
