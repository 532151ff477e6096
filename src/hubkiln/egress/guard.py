"""Which addresses may be asked: everything public, and what the admin lists; checked on the address, not the name.

Whoever connects must connect to the address that was checked (``Endpoint.ip``), or the name could mean another
one a moment later. Where a proxy is configured in the environment, the proxy looks names up and connects: its own
rules apply, and names that only a network's own servers know are not given to it.
"""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from hubkiln.egress.allowed import has_public_name
from hubkiln.egress.reaching import unanswered
from hubkiln.egress.special import IP, is_public, plain
from hubkiln.errors import Refused

Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host name."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host with the address that was checked."""

    host: str
    port: int
    ip: str | None
    """None where a proxy connects for us."""

    vouched: bool
    """Whether the admin listed this address."""


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """The operating system's answer, unmapped duplicates removed."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Looks hosts up and refuses those that lie inside."""

    def __init__(self, allowed: Sequence[Network] = (), *, lookup: Lookup = system_lookup) -> None:
        self._allowed = tuple(allowed)
        self._lookup = lookup

    async def check(self, scheme: str, host: str, port: int) -> Endpoint:
        """
        Where to connect for `host`.

        Raises:
            Refused: every address of it is private, loopback, link-local or otherwise not public.
            Unreachable: no such host is known here, or the name cannot be looked up.
        """
        if proxied(scheme, host) and literal(host) is None:
            if not has_public_name(host):
                raise _inside(host)
            return Endpoint(host, port, None, vouched=False)
        addresses = [ip_address(text.partition("%")[0]) for text in await self._find(host, port)]
        for address in addresses:
            vouched = self._vouched(address)
            if vouched or is_public(address):
                return Endpoint(host, port, str(address), vouched=vouched)
        raise _inside(host)

    async def _find(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self._lookup(host, port)
        except (OSError, UnicodeError) as error:
            raise unanswered(host, error) from error

    def _vouched(self, address: IP) -> bool:
        address = plain(address)
        return any(address in network for network in self._allowed if network.version == address.version)


def _inside(host: str) -> Refused:
    return Refused(
        f"{host} is an address inside this network, which may not be asked.",
        hint="An admin can allow it by listing its network; behind a proxy, NO_PROXY has to name it too.",
    )


def literal(host: str) -> IP | None:
    """The address that `host` is, in any spelling that connecting understands; this machine's own names are one."""
    bare = host.strip("[]").partition("%")[0].rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    with suppress(OSError):
        return IPv4Address(socket.inet_aton(bare))
    with suppress(ValueError):
        return ip_address(bare)
    return None


def proxied(scheme: str, host: str) -> bool:
    """Whether the environment sends requests for `host` through a proxy."""
    proxies = urllib.request.getproxies()
    named = scheme in proxies or "all" in proxies
    return scheme in ("http", "https") and named and not urllib.request.proxy_bypass(host)
