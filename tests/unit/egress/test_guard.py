"""Which addresses may be asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from hubkiln.egress import Guard
from hubkiln.egress.guard import Lookup, is_public
from hubkiln.errors import Refused, Unreachable


def answering(*addresses: str) -> Lookup:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return addresses

    return lookup


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    """Loopback, private, link-local, metadata, multicast and unspecified addresses, in any wrapping, are inside."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["140.82.121.4", "2606:50c0:8000::153", "::ffff:140.82.121.4"])
def test_ordinary_addresses_are_public(address: str) -> None:
    """Hosts of the internet may be asked."""
    assert is_public(ip_address(address))


async def test_a_name_that_means_an_inside_address_is_refused() -> None:
    """It is the address that counts, not the name."""
    with pytest.raises(Refused, match="inside this network"):
        await Guard(lookup=answering("10.0.0.5")).check("https", "innocent.example.org", 443)


async def test_the_public_address_is_taken_when_a_name_has_both() -> None:
    """Of several addresses, one that may be asked is the one connected to."""
    endpoint = await Guard(lookup=answering("127.0.0.1", "140.82.121.4")).check("https", "both.example.org", 443)
    assert endpoint.ip == "140.82.121.4"


async def test_the_admins_networks_may_be_asked() -> None:
    """A listed network is allowed, its IPv4 addresses in IPv6 clothes too."""
    for text in ("10.0.0.5", "::ffff:10.0.0.5"):
        endpoint = await Guard([ip_network("10.0.0.0/24")], lookup=answering(text)).check("https", "git.internal", 443)
        assert endpoint.vouched


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
async def test_odd_spellings_of_loopback_are_seen_through(host: str) -> None:
    """The operating system's own reading of an address decides."""
    with pytest.raises((Refused, Unreachable)):
        await Guard().check("http", host, 80)


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
async def test_an_unknown_host_and_a_failing_name_server_are_one_kind(code: int) -> None:
    """A machine without a network knows no name: so neither is called a wrong spelling, and both name the host."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(code, "no")

    with pytest.raises(Unreachable, match=r"nowhere\.example") as caught:
        await Guard(lookup=lookup).check("https", "nowhere.example", 443)
    assert "spelling" not in str(caught.value)


@pytest.mark.parametrize("host", ["metadata.google.internal", "metadata", "api.default.svc", "gateway.lan."])
async def test_a_proxy_is_not_asked_for_what_is_inside(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """It looks names up where we cannot see it: names of a network's own are refused, unless NO_PROXY names them."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Refused, match="NO_PROXY"):
        await Guard().check("https", host, 443)
    assert (await Guard().check("https", "code.example.org", 443)).ip is None
    monkeypatch.setenv("no_proxy", host)
    listed = Guard([ip_network("10.0.0.0/8")], lookup=answering("10.0.0.5"))
    assert (await listed.check("https", host, 443)).ip == "10.0.0.5"
