"""A server's addresses: the one its proxy is given, which is ours before the server exists, and the hub's seen inside.

Ports of the loopback interface belong to whoever comes first, so what listens there must never be taken for a server
because it listens. The socket is made here, and :mod:`hubkiln.sandbox.relay` joins it with the sandbox.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from hubkiln.errors import ServiceError
from hubkiln.sandbox import Way

LOOPBACK = "127.0.0.1"
_HUBS = ("JUPYTERHUB_API_URL", "JUPYTERHUB_ACTIVITY_URL")
_PORTS = {"http": 80, "https": 443}


def bound(host: str, port: int) -> socket.socket:
    """
    A socket bound to `port` of `host` (0 takes a free one), which from then on is nobody else's; not yet listening.

    Raises:
        ServiceError: that port cannot be had.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise ServiceError(
            f"The server's address {host} port {port} cannot be had: {error.strerror}.",
            hint="Another program uses it; with c.Spawner.port = 0 any free one is taken.",
        ) from error
    return made


def seen_inside(env: Mapping[str, str], port: int) -> tuple[dict[str, str], tuple[Way, ...]]:
    """
    `env` as it is true in a network of the server's own, and the ways that make it so.

    The server listens at `port` of its own loopback, and finds the hub's API there too.
    """
    changed, ways = dict(env), dict[tuple[str, int], Way]()
    if "JUPYTERHUB_SERVICE_URL" in env:
        changed["JUPYTERHUB_SERVICE_URL"] = _moved(env["JUPYTERHUB_SERVICE_URL"], port)
    for name in _HUBS:
        url = urlsplit(env.get(name, ""))
        to = url.port or _PORTS.get(url.scheme)
        if url.hostname and to:
            inside = to if to not in (port, *(way.port for way in ways.values())) and to >= 1024 else _other(port, ways)
            way = ways.setdefault((url.hostname, to), Way(port=inside, host=_numeric(url.hostname), to=to))
            changed[name] = _moved(env[name], way.port)
    return changed, tuple(ways.values())


def _other(port: int, ways: Mapping[tuple[str, int], Way]) -> int:
    taken = {port, *(way.port for way in ways.values())}
    return next(number for number in range(8081, 65536) if number not in taken)


def _moved(url: str, port: int) -> str:
    return urlsplit(url)._replace(netloc=f"{LOOPBACK}:{port}").geturl()


def _numeric(host: str) -> str:
    """An address of `host`: the relay looks nothing up."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ServiceError(
            f"The hub's own name {host} cannot be looked up, so servers cannot reach it.",
            hint="Set c.JupyterHub.hub_connect_ip to an address.",
        ) from error


async def accepting(ip: str, port: int, longest: float = 0.5) -> None:
    """Return when somebody listens there; asks ever more rarely, at least every `longest` seconds."""
    pause = 0.02
    while True:
        try:
            _, writer = await asyncio.open_connection(ip, port)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)
        else:
            writer.close()
            return
