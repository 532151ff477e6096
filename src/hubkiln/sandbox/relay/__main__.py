"""A program: holds the ways into and out of one sandbox, and ends with it. ``python relay CHANNEL LISTENER [FOLDER]``.

Two processes. The inner one steps into the sandbox's network, so what it connects to is what listens there, while the
socket at which it lets people in stays in ours. The outer one serves sockets that were made inside and connects from
outside. For a sandbox that shares our network there is the outer one alone, and the server listens at a Unix socket.

Run by path with the standard library alone, so that it starts in no time and stays small.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import select
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).parents[3]))

from hubkiln.sandbox.relay import routes
from hubkiln.sandbox.relay.keeper import keep
from hubkiln.sandbox.relay.namespaces import Network
from hubkiln.sandbox.relay.orders import READY, Orders, Outside
from hubkiln.sandbox.relay.peers import Peers
from hubkiln.sandbox.relay.pump import Connect, Pump

IN_AT_ONCE, OUT_AT_ONCE = 2048, 256
FIRST_SECONDS, LONGEST_SECONDS, PATIENCE = 0.01, 0.25, 20.0
_PR_SET_DUMPABLE = 4


def main(channel: socket.socket, listener: socket.socket, folder: int | None = None) -> None:
    """Wait for orders and the sandbox, then serve until that ends."""
    told = channel.makefile("rb")
    orders, pid = Orders.read(told.readline()), told.readline()
    if not pid:
        return  # it never came to be
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    peers, sandbox = Peers(orders.allowed), os.pidfd_open(int(pid))
    if orders.port is None:
        drop(orders)
        channel.send(READY)
        serve_inside(listener, sandbox, partial(connected, f"/proc/self/fd/{folder}/{orders.file}"), peers)
    network = Network(int(pid))
    if network.is_ours:
        sys.exit("it has no network of its own")
    outer, inner = socket.socketpair()
    if os.fork() == 0:
        outer.close()
        channel.close()
        told.close()
        be_inside(network, orders, inner, sandbox)
        drop(orders)
        serve_inside(listener, sandbox, partial(connected, ("127.0.0.1", orders.port)), peers, inner.fileno())
    inner.close()
    listener.close()
    be_outside(network, orders, outer, sandbox, channel)


def be_inside(network: Network, orders: Orders, outer: socket.socket, sandbox: int) -> None:
    """Step in; hand out what listens inside, and open and close what the way out leads to."""
    network.enter()
    while orders.outside is not None and not routes.is_up("lo"):  # by bubblewrap: it fails where another was first
        if select.select([outer.fileno(), sandbox], [], [], FIRST_SECONDS)[0]:
            os._exit(1)
    served = [*(way.port for way in orders.ways), *([] if orders.outside is None else served_by(orders.outside))]
    made = [listening(port) for port in served]
    if orders.outside is not None:
        routes.close(orders.outside.closed)  # before there is a device, so that there never is a way
    socket.send_fds(outer, [READY], [one.fileno() for one in made])
    if orders.outside is not None and orders.outside.device is not None:
        while not routes.has_default(orders.outside.device):
            if select.select([outer], [], [], FIRST_SECONDS)[0]:
                os._exit(1)  # it could not be made
        routes.open_through(orders.outside.gateway or "", orders.outside.opened)
    outer.send(READY)


def be_outside(network: Network, orders: Orders, inner: socket.socket, sandbox: int, channel: socket.socket) -> None:
    """Serve what the inner one hands out, and connect the network with the world."""
    said, found, _, _ = socket.recv_fds(inner, len(READY), len(orders.ways) + 1)
    if said != READY:
        sys.exit(1)  # the inner one has said why, or the sandbox has ended
    watched = [inner.fileno()]
    if orders.outside is not None:
        watched.append(kept(orders.outside, network, found[len(orders.ways) :]))
    if inner.fileno() not in select.select([sandbox, *watched], [], [], PATIENCE)[0] or inner.recv(len(READY)) != READY:
        sys.exit(1)
    drop(orders)
    channel.send(READY)
    channel.close()
    pump = ending_with(sandbox, *watched)
    for descriptor, way in zip(found, orders.ways, strict=False):
        entrance = socket.socket(fileno=descriptor)
        pump.serve(entrance, partial(connected, (way.host, way.to)), lambda _: True, OUT_AT_ONCE)
    pump.run()


def served_by(outside: Outside) -> list[int]:
    """The port at which it serves, if it does."""
    return [] if outside.port is None else [outside.port]


def kept(outside: Outside, network: Network, listeners: list[int]) -> int:
    """Have a process of its own keep the program of `outside`; a descriptor that can be read when that has ended."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        passed = {"network": network.descriptor, "owner": network.owner, "listener": (*listeners, None)[0]}
        keep(outside, {name: number for name, number in passed.items() if number is not None}, theirs.fileno())
    theirs.close()
    return ours.detach()


def ending_with(*descriptors: int) -> Pump:
    """A pump that ends us when one of `descriptors`, of a process or of the other half, can be read."""
    pump = Pump()
    for one in descriptors:
        pump.at_end(one, lambda: os._exit(0))
    return pump


def serve_inside(listener: socket.socket, sandbox: int, connect: Connect, peers: Peers, *other: int) -> NoReturn:
    """Let people in, from the moment that somebody listens inside: before, they are refused."""
    pause = FIRST_SECONDS
    while not answering(connect):
        if select.select([sandbox, *other], [], [], pause)[0]:
            os._exit(0)
        pause = min(pause * 1.2, LONGEST_SECONDS)
    listener.listen(1024)
    pump = ending_with(sandbox, *other)
    pump.serve(listener, connect, peers.admit, IN_AT_ONCE)
    pump.run()


def answering(connect: Connect) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), connect() as trial:
        select.select([], [trial], [], LONGEST_SECONDS)
        return trial.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and connects(trial.getpeername)
    return False


def connects(name: Callable[[], object]) -> bool:
    """Whether a connection has come to be."""
    try:
        name()
    except OSError:
        return False
    return True


def connected(address: str | tuple[str, int]) -> socket.socket:
    """A connection to `address`, a Unix socket's path or a host and port; over a network it may be under way."""
    network = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(socket.AF_UNIX if isinstance(address, str) else network)
    made.setblocking(False)
    try:
        made.connect(address)
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            made.close()
            raise
    return made


def listening(port: int) -> socket.socket:
    """A socket that listens at `port`, wherever we are: loopback may not be up yet."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", port))
    made.listen(128)
    return made


def drop(orders: Orders) -> None:
    """Become nobody special, and closed to those who are the same nobody."""
    if orders.drop is not None:
        os.setgroups([])
        os.setresgid(*(orders.drop[1],) * 3)
        os.setresuid(*(orders.drop[0],) * 3)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    with suppress(ProcessLookupError, FileNotFoundError):  # the sandbox has ended already, and said why
        main(socket.socket(fileno=numbers[0]), socket.socket(fileno=numbers[1]), *numbers[2:])
