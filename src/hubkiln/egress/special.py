"""Addresses that are not the public internet's: lists of our own, the same with every Python.

From IANA's special-purpose address registries, IPv4 and IPv6, as of November 2026, with what was taken out of them
but is still routed inside some networks, and the addresses on which clouds answer their own machines. An IPv6
address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) is judged by both.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IP = IPv4Address | IPv6Address

_INSIDE_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # behind a carrier's NAT; a cloud's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's metadata, though the address is public
            "169.254.0.0/16",  # link-local; most clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; a cloud's metadata
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

_UNICAST_6 = IPv6Network("2000::/3")
"""All that is given out. Outside lie loopback, ``::a.b.c.d``, unique and link-local, site-local, discard, multicast."""

_INSIDE_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def inside_networks() -> tuple[IPv4Network, ...]:
    """What of IPv4 is not the public internet's, but loopback, which never leaves a machine."""
    return tuple(network for network in _INSIDE_4 if not network.is_loopback)


def is_public(address: IP) -> bool:
    """Whether `address`, and any IPv4 address that it carries, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _INSIDE_4)
    if not all(map(is_public, carried(address))):
        return False
    if address in _MAPPED or address in _NAT64:
        return True  # another way to write the IPv4 address
    return address in _UNICAST_6 and not any(address in network for network in _INSIDE_6)


def carried(address: IP) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address."""
    if isinstance(address, IPv4Address):
        return ()
    bits = address.packed
    if address in _MAPPED or address in _NAT64 or bits[8:12] in _ISATAP:
        return (IPv4Address(bits[12:]),)
    if address in _6TO4:
        return (IPv4Address(bits[2:6]),)
    if address in _TEREDO:
        return IPv4Address(bits[4:8]), IPv4Address(bytes(byte ^ 0xFF for byte in bits[12:]))
    return ()


def plain(address: IP) -> IP:
    """`address` itself, or the IPv4 address that it is only another way to write."""
    written = isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64)
    return carried(address)[0] if written else address
