"""Who connects: the uid behind a connection on this machine, asked of the kernel."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from typing import Any

_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_ANY_STATE = 0xFFFFFFFF
_ID = "!HH16s16s"
_HEADER = struct.Struct("=IHHII")
_REPLY = struct.Struct("=II")
_REPLY_UID = _HEADER.size + 4 + 48 + 12
NOBODY_KNOWN = -1
"""Of a connection whose other end somebody on this machine has left already: the kernel no longer says who."""


class Peers:
    """Answers for connections over the loopback of the network in which it was made."""

    def __init__(self, allowed: Collection[int]) -> None:
        self._allowed = frozenset(allowed)
        self._kernel: socket.socket | None = None
        with suppress(OSError):  # some containers' kernels have no such thing
            self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)

    def close(self) -> None:
        """Ask no more."""
        if self._kernel is not None:
            self._kernel.close()

    def admit(self, client: socket.socket) -> bool:
        """Whether `client` comes from another machine, or from one of the allowed uids."""
        if client.family not in (socket.AF_INET, socket.AF_INET6):
            return True
        uid = self.uid(client)
        return uid is None or uid in self._allowed

    def uid(self, client: socket.socket) -> int | None:
        """
        Who holds the other end; None if it is not on this machine, or the kernel never tells.

        Of an end that was closed it would say that root holds it, or that there is none such.
        """
        if self._kernel is None:
            return None
        try:
            name = client.getpeername()
        except OSError:
            return NOBODY_KNOWN
        here, there = client.getsockname()[:2], name[:2]
        request = struct.pack("=BBBBI", client.family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
        request += struct.pack(_ID, there[1], here[1], _packed(client, there[0]), _packed(client, here[0]))
        request += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        self._kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST, 0, 0) + request)
        answer = self._kernel.recv(8192)
        _, kind, _, _, _ = _HEADER.unpack_from(answer)
        if kind != _BY_FAMILY:
            return NOBODY_KNOWN if _is_ours(name, client.family) else None
        uid, inode = _REPLY.unpack_from(answer, _REPLY_UID)
        return int(uid) if inode else NOBODY_KNOWN


def _is_ours(name: tuple[Any, ...], family: int) -> bool:
    """Whether the address of the peer's `name` is one of this machine's."""
    with socket.socket(family) as trial:
        try:
            trial.bind((name[0], 0, *name[2:]))
        except OSError:
            return False
    return True


def _packed(client: socket.socket, address: str) -> bytes:
    return socket.inet_pton(client.family, address.partition("%")[0])
