"""Who connects: the uid behind a connection on this machine, asked of the kernel."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
from contextlib import suppress

_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_ANY_STATE = 0xFFFFFFFF
_ID = "!HH16s16s"
_HEADER = struct.Struct("=IHHII")
_REPLY_UID = _HEADER.size + 4 + 48 + 12


class Peers:
    """Answers for connections over the loopback of the network in which it was made."""

    def __init__(self, allowed: Collection[int]) -> None:
        self._allowed = frozenset(allowed)
        self._kernel: socket.socket | None = None
        with suppress(OSError):  # some containers' kernels have no such thing
            self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)

    def admit(self, client: socket.socket) -> bool:
        """Whether `client` comes from another machine, or from one of the allowed uids."""
        if client.family not in (socket.AF_INET, socket.AF_INET6):
            return True
        uid = self.uid(client)
        return uid is None or uid in self._allowed

    def uid(self, client: socket.socket) -> int | None:
        """Who holds the other end; None if it is not on this machine, or the kernel does not tell."""
        if self._kernel is None:
            return None
        here, there = client.getsockname()[:2], client.getpeername()[:2]
        request = struct.pack("=BBBBI", client.family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
        request += struct.pack(_ID, there[1], here[1], _packed(client, there[0]), _packed(client, here[0]))
        request += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        self._kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST, 0, 0) + request)
        answer = self._kernel.recv(8192)
        _, kind, _, _, _ = _HEADER.unpack_from(answer)
        if kind != _BY_FAMILY:
            return None
        return int(struct.unpack_from("=I", answer, _REPLY_UID)[0])


def _packed(client: socket.socket, address: str) -> bytes:
    return socket.inet_pton(client.family, address.partition("%")[0])
