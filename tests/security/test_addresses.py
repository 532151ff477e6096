"""Which addresses may be asked: by lists of our own, however an address is written."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from hubkiln.egress.allowed import read_reach
from hubkiln.egress.guard import Guard
from hubkiln.egress.special import is_public
from hubkiln.errors import Refused
from hubkiln.images.clients import allowed_by

INSIDE = {
    "a cloud's metadata among the protocol assignments": "192.0.0.192",
    "a cloud's metadata behind the carrier's NAT": "100.100.100.200",
    "a cloud's metadata on a public address": "168.63.129.16",
    "relay of 6to4": "192.88.99.1",
    "AS112": "192.175.48.1",
    "NAT64 of one's own": "64:ff9b:1::1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "compatible": "::127.0.0.1",
    "compatible, public": "::140.82.121.4",
    "translated": "::ffff:0:127.0.0.1",
    "mapped": "::ffff:169.254.169.254",
    "site-local": "fec0::1",
    "unique local": "fd00:ec2::254",
    "documentation": "3fff::1",
    "documentation of before": "2001:db8::1",
    "segments": "5f00::1",
    "discard": "100::1",
    "dummy": "100:0:0:1::1",
    "6to4 of private": "2002:a00:1::",
    "Teredo by a private server": "2001:0:a00:1::",
    "Teredo of a private client": "2001:0:8c52:7904:0:0:f5ff:fffe",
    "Teredo": "2001:0:8c52:7904::ffff:ffff",
    "ISATAP of private": "2606:50c0::5efe:10.0.0.1",
    "ISATAP of loopback": "2606:50c0::200:5efe:127.0.0.1",
    "benchmarks": "2001:2::1",
    "ORCHID": "2001:20::1",
    "reserved": "4000::1",
    "multicast": "ff0e::1",
}


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE.keys())
def test_an_address_with_a_special_purpose_is_inside(address: str) -> None:
    """Whatever this Python's own tables say, and whatever the address is wrapped in."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["140.82.121.4", "2606:50c0:8000::153", "::ffff:140.82.121.4", "64:ff9b::8c52:7904", "2002:8c52:7904::"]
)
def test_the_public_internet_may_be_asked(address: str) -> None:
    """Also through the NAT64 of a network that has IPv6 alone."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", ["2002:a00:5::", "2001:0:a00:5::", "2606:50c0::5efe:10.0.0.5"])
async def test_a_listed_network_is_not_opened_by_what_an_address_carries(address: str) -> None:
    """Only an address that is another way to write the listed one counts as listed."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return (address,)

    with pytest.raises(Refused):
        await Guard([ip_network("10.0.0.0/24")], lookup=lookup).check("https", "git.example", 443)


@pytest.mark.parametrize("address", ["64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254", "fe80::1", "2002:a9fe:a9fe::"])
def test_a_named_host_never_means_link_local(address: str) -> None:
    """A host that builds may reach, although it lies inside, cannot turn into the cloud's metadata."""
    assert not read_reach("wiki.example").allows("wiki.example", 80, ip_address(address))


async def test_each_request_asks_where_a_name_leads_now() -> None:
    """A name that turns to an address inside after it was allowed is refused, not connected to."""
    answers = [("140.82.121.4",), ("127.0.0.1",)]

    async def lookup(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    check = allowed_by(Guard(lookup=lookup))
    assert await check("https", "turns.example", 443) == "140.82.121.4"
    with pytest.raises(Refused):
        await check("https", "turns.example", 443)


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.0.0.1", "017700000001", "[::1]", "localhost", "x.localhost"]
)
async def test_an_odd_spelling_does_not_hide_behind_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy connects for us, an address in any spelling is still judged here."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    async def lookup(host: str, port: int) -> Sequence[str]:
        return [str(entry[4][0]) for entry in socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)]

    with pytest.raises(Refused):
        await Guard(lookup=lookup).check("https", host, 443)
