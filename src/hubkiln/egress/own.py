"""This machine's own addresses, public ones too: what listens there is not meant for what strangers run.

A firewall in front of the machine does not see who connects to it from inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from hubkiln.egress.allowed import Reach
from hubkiln.egress.guard import Lookup
from hubkiln.egress.special import IP, plain
from hubkiln.sandbox import own_addresses

_IPV6 = Path("/proc/net/if_inet6")


def own_ips(ipv6: Path = _IPV6) -> frozenset[IP]:
    """All of them but those of IPv4's loopback."""
    found: set[IP] = {network.network_address for network in own_addresses()}
    with suppress(OSError):
        found |= {IPv6Address(bytes.fromhex(line.split()[0])) for line in ipv6.read_text().splitlines()}
    return frozenset(found)


def elsewhere(reach: Reach, lookup: Lookup, own: Callable[[], Collection[IP]]) -> Lookup:
    """`lookup` without this machine's own addresses; what an admin lets `reach` by its network or its name stays."""

    async def looked_up(host: str, port: int) -> Sequence[str]:
        found, ours = await lookup(host, port), own()
        return [text for text in found if (ip := _read(text)) not in ours or reach.lists(host, port, ip)]

    return looked_up


def _read(text: str) -> IP:
    return plain(ip_address(text.partition("%")[0]))
