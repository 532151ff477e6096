"""What the admin writes about the network of run steps, and which addresses it means."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from hubkiln.egress.allowed import EVERYTHING, NOTHING, read_reach
from hubkiln.errors import BadSpec
from hubkiln.sandbox.interface import Network


@pytest.mark.parametrize(
    ("text", "network"),
    [("all", Network.HOST), ("none", Network.NONE), ("public", Network.DOOR), ("pypi.org, 10.0.0.0/8", Network.DOOR)],
)
def test_words_choose_the_network(text: str, network: Network) -> None:
    """The machine's own, none, or a door with somebody behind it."""
    assert read_reach(text).network is network
    assert read_reach("all") == EVERYTHING and read_reach("none") == NOTHING


@pytest.mark.parametrize(
    "text", ["", "all none", "none pypi.org", "https://pypi.org", "10.0.0.0/99", "host:99999", "a*b", "x:0", "@"]
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    """When the service starts, not when somebody builds."""
    with pytest.raises(BadSpec):
        read_reach(text)


@pytest.mark.parametrize(
    ("text", "host", "port", "address", "allowed"),
    [
        ("pypi.org", "pypi.org", 443, "151.101.0.223", True),
        ("pypi.org", "pypi.org.evil.net", 443, "151.101.0.223", False),
        ("pypi.org:443", "pypi.org", 80, "151.101.0.223", False),
        ("PyPI.org.", "pypi.org", 80, "151.101.0.223", True),
        ("*.example.org", "a.b.example.org", 80, "151.101.0.223", True),
        ("*.example.org", "example.org", 80, "151.101.0.223", False),
        ("*.example.org", "a.example.org", 80, "10.0.0.1", False),
        ("index.lan", "index.lan", 80, "10.0.0.1", True),
        ("index.lan", "index.lan", 80, "169.254.169.254", False),
        ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1", True),
        ("127.0.0.1:8080", "localhost", 8080, "127.0.0.1", False),
        ("127.0.0.0/8", "localhost", 8080, "127.0.0.1", True),
        ("127.0.0.0/8", "localhost", 8080, "::ffff:127.0.0.1", True),
        ("[::1]:80", "::1", 80, "::1", True),
        ("public", "anything.net", 5000, "151.101.0.223", True),
        ("public", "localhost", 80, "127.0.0.1", False),
        ("public", "rebound.net", 80, "::ffff:10.0.0.1", False),
        ("public", "zero.net", 80, "0.0.0.0", False),
        ("zero.net", "zero.net", 80, "0.0.0.0", False),
        ("public", "metadata.net", 80, "169.254.169.254", False),
    ],
)
def test_an_address_decides(text: str, host: str, port: int, address: str, allowed: bool) -> None:
    """A name must be listed, and must not lead inside unless that very name or network is."""
    assert read_reach(text).allows(host, port, ip_address(address)) is allowed


def test_it_says_itself_in_words() -> None:
    """For errors."""
    assert str(read_reach("packages,github.com 10.0.0.0/8")) == "package indexes, github.com and 10.0.0.0/8"
    assert str(read_reach("public")) == "public addresses"
