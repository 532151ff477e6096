"""Steps and servers do not reach what listens at this machine's own addresses, be they public."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from hubkiln.egress.allowed import read_reach
from hubkiln.egress.own import elsewhere, own_ips

OWN = frozenset(map(ip_address, ("8.8.4.4", "2001:4860::1", "10.0.0.9")))


@pytest.mark.parametrize("address", ["8.8.4.4", "2001:4860::1", "::ffff:8.8.4.4"])
@pytest.mark.parametrize(
    ("reach", "stays"),
    [
        ("public", False),
        ("public packages *.example.org", False),
        ("public 10.0.0.0/8", False),
        ("public hub.example.org", True),
        ("public hub.example.org:8443", False),
        ("public 8.8.4.4/32 2001:4860::1/128", True),
    ],
)
async def test_own_addresses_are_reached_only_where_they_are_listed(reach: str, stays: bool, address: str) -> None:
    """By their network, or by the name and port that is asked for; others' stay."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return [address, "1.1.1.1"]

    found = await elsewhere(read_reach(reach), lookup, lambda: OWN)("hub.example.org", 443)
    assert found == ([address, "1.1.1.1"] if stays else ["1.1.1.1"])


def test_own_addresses_are_those_of_ipv6_too(tmp_path: Path) -> None:
    """As the kernel lists them; without IPv6 there are none."""
    (tmp_path / "six").write_text("20014860000000000000000000000001 02 40 00 80     eth0\n")
    assert ip_address("2001:4860::1") in own_ips(tmp_path / "six")
    assert {ip.version for ip in own_ips(tmp_path / "none")} <= {4}
