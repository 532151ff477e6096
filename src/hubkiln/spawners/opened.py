"""A server's room is opened: by our own spawner in the hub, by an usher for another spawner's."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubkiln.local_images import LocalImage
from hubkiln.sandbox import Engine, Identity, Network, Running, Ways
from hubkiln.spawners.addresses import seen_inside
from hubkiln.spawners.homes import Places
from hubkiln.spawners.networks import Connection, connection
from hubkiln.spawners.rooms import SOCKET, Server, argv_of, room_of
from hubkiln.values import Limits

PROCESSES, FILE_BYTES, OPEN_FILES = 4096, 100 * 2**30, 65536
"""What a server may have at most where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One server to open."""

    image: LocalImage
    command: Sequence[str]
    """``jupyterhub-singleuser`` and its arguments."""
    env: Mapping[str, str]
    """Variables from the Hub."""
    identity: Identity
    limits: Limits
    shared_network: bool = False
    """Whether it has the machine's own network."""
    outbound: str = "public"
    """What it reaches otherwise; see :mod:`hubkiln.spawners.networks`."""
    transport: str = "ipc"
    open: str = ""
    """Path to show first, below the repository's folder."""
    url: str = ""
    allowed: Sequence[int] = ()
    """uids that may connect besides us and root."""


async def open_server(engine: Engine, places: Places, listener: socket.socket, wanted: Wanted) -> Running:
    """
    Start it; whoever comes to `listener`, which is the server's from now on, comes to the server.

    Raises:
        EngineMissing, ServiceError: it cannot be opened.
    """
    port = listener.getsockname()[1]
    env, out = (dict(wanted.env), ()) if wanted.shared_network else seen_inside(wanted.env, port)
    joined = Connection() if wanted.shared_network else await connection(engine, wanted.identity, wanted.outbound)
    server = Server(
        image=wanted.image,
        command=wanted.command,
        env=env,
        network=Network.HOST if wanted.shared_network else Network.OWN,
        connection=joined,
        transport=wanted.transport,
        limits=wanted.limits,
        uid=wanted.identity.uid if wanted.identity.privileged else None,
        open=wanted.open,
        url=wanted.url,
    )
    ways = Ways(
        listener=listener,
        file=places.private / SOCKET if wanted.shared_network else None,
        out=out,
        outside=joined.outside,
        allowed=tuple(wanted.allowed),
    )
    return await engine.start(room_of(server, places), argv_of(server), log=places.log, ways=ways)
