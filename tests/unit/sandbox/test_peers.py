"""Who may come to a server's address: told by the kernel, for as long as there is somebody at the other end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import closing

import pytest

from hubkiln.sandbox.relay.peers import Peers


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """Somebody who listens."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as made:
        try:
            made.bind((request.param, 0))
        except OSError:
            pytest.skip("this machine has no such address")
        made.listen()
        yield made


def admitted(client: socket.socket, allowed: Collection[int]) -> bool:
    """Whether `client` may come where `allowed` may."""
    with closing(Peers(allowed)) as peers:
        return peers.admit(client)


def test_who_is_there_and_allowed_may_come(listener: socket.socket) -> None:
    """Others, with the uid of somebody else, may not."""
    with socket.create_connection(listener.getsockname()[:2]):
        client, _ = listener.accept()
        with client:
            assert admitted(client, (os.geteuid(),))
            assert not admitted(client, (os.geteuid() + 1,))


@pytest.mark.parametrize("linger", [None, 0], ids=["closed", "cut off"])
def test_who_has_left_already_may_not(listener: socket.socket, linger: int | None) -> None:
    """The kernel says of them that they are root, or nobody; what they sent is not for the server to read."""
    with socket.create_connection(listener.getsockname()[:2]) as gone:
        gone.sendall(b"DELETE /everything HTTP/1.1\r\n\r\n")
        if linger is not None:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
    client, _ = listener.accept()
    with client:
        assert not admitted(client, (0, os.geteuid()))
