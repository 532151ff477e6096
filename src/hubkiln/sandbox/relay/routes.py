"""Routes of the network that we are in, set by the kernel's own interface: nothing need be installed for them."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_NEW_ROUTE, _ERROR = 24, 2
_REQUEST_ACK_CREATE_REPLACE = 0x1 | 0x4 | 0x400 | 0x100
_MAIN, _STATIC, _EVERYWHERE, _UNICAST, _PROHIBIT = 254, 4, 0, 1, 8
_DESTINATION, _GATEWAY = 1, 5
_HEADER = struct.Struct("=IHHII")
_GET_FLAGS, _UP = 0x8913, 0x1
_NAMED_FLAGS = struct.Struct("=16sH22x")


def close(networks: Iterable[str]) -> None:
    """What goes to `networks` (``10.0.0.0/8``) is refused; smaller ones that are opened stay open."""
    for network in networks:
        _set(network, _PROHIBIT)


def open_through(gateway: str, networks: Iterable[str]) -> None:
    """What goes to `networks` goes through `gateway`."""
    for network in networks:
        _set(network, _UNICAST, _attribute(_GATEWAY, socket.inet_aton(gateway)))


def has_default(device: str) -> bool:
    """Whether the way out leads through `device`."""
    rows = [line.split() for line in Path("/proc/self/net/route").read_text().splitlines()]
    return any(row[:2] == [device, "00000000"] for row in rows)


def is_up(device: str) -> bool:
    """Whether it is in use."""
    with socket.socket() as asked:
        answer = fcntl.ioctl(asked, _GET_FLAGS, _NAMED_FLAGS.pack(device.encode(), 0))
    return bool(_NAMED_FLAGS.unpack(answer)[1] & _UP)


def _set(network: str, kind: int, more: bytes = b"") -> None:
    address, _, length = network.partition("/")
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, int(length), 0, 0, _MAIN, _STATIC, _EVERYWHERE, kind, 0)
    body += _attribute(_DESTINATION, socket.inet_aton(address)) + more
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _NEW_ROUTE, _REQUEST_ACK_CREATE_REPLACE, 1, 0) + body)
        answer = kernel.recv(8192)
    _, kind_of_answer, *_ = _HEADER.unpack_from(answer)
    error = struct.unpack_from("=i", answer, _HEADER.size)[0] if kind_of_answer == _ERROR else 0
    if error:
        raise OSError(-error, f"no route to {network}")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value
