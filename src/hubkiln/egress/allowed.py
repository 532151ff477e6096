"""What run steps may reach over the network: everything, nothing, or what the admin lists.

A decision is made on an address, and that address is the one connected to (:mod:`hubkiln.egress.proxy`), so a
name cannot mean something else a moment later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hubkiln.egress.special import IP, carried, is_public, plain
from hubkiln.errors import BadSpec
from hubkiln.sandbox import Network

ALL, NONE, PUBLIC, PACKAGES = "all", "none", "public", "packages"

_INSIDE_DOMAINS = frozenset(
    ("internal", "local", "localhost", "localdomain", "lan", "home", "corp", "intranet", "private", "svc", "arpa")
)
"""Last parts of names that only a network's own servers know, clouds' metadata among them."""

_ENTRY = re.compile(r"(?P<host>(?:\*\.)?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host that may be asked."""

    name: str
    """Lower case; ``*.example.org`` for all below a domain."""

    port: int | None = None
    """None for any."""

    inside: bool = False
    """Whether its address may be private: the admin named it. Never for all below a domain, which others may name."""

    def matches(self, name: str, port: int) -> bool:
        """Whether ``name:port`` is meant."""
        if self.port not in (None, port):
            return False
        return name.endswith(self.name[1:]) if self.name.startswith("*.") else name == self.name

    def __str__(self) -> str:
        shown = f"[{self.name}]" if ":" in self.name else self.name
        return shown if self.port is None else f"{shown}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What may be reached; nothing, unless said."""

    everything: bool = False
    """The machine's own network, its loopback included."""

    public: bool = False
    """Every public address."""

    packages: bool = False
    """The package index, and where Debian packages come from."""

    hosts: tuple[Host, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def network(self) -> Network:
        """What the sandbox gets."""
        if self.everything:
            return Network.HOST
        return Network.NONE if self == Reach() else Network.DOOR

    def with_hosts(self, hosts: tuple[Host, ...]) -> Reach:
        """The same and `hosts`."""
        return replace(self, hosts=(*self.hosts, *hosts))

    def names(self, host: str, port: int) -> bool:
        """Whether ``host:port`` may be asked for by its name alone, for a proxy that looks it up itself."""
        return (self.public and has_public_name(host)) or self._named(host, port)

    def _named(self, host: str, port: int) -> bool:
        return any(one.matches(host, port) for one in self.hosts)

    def lists(self, host: str, port: int, address: IP) -> bool:
        """Whether an admin listed ``host:port`` itself, or a network that `address` is in."""
        listed = any(address in network for network in self.networks if network.version == address.version)
        return listed or any(one.inside and one.matches(host, port) for one in self.hosts)

    def allows(self, host: str, port: int, address: IP) -> bool:
        """Whether ``host:port`` may be asked at `address`."""
        address = plain(address)
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        if is_public(address):
            return self.public or self._named(host, port)
        never = any(one.is_link_local or one.is_multicast or one.is_unspecified for one in (address, *carried(address)))
        return not never and any(one.inside and one.matches(host, port) for one in self.hosts)

    @property
    def has_loopback(self) -> bool:
        """Whether the machine's loopback, or a part of it, is meant."""
        return any(network.is_loopback for network in self.networks) or any(map(_on_loopback, self.hosts))

    def __str__(self) -> str:
        """In words, for errors: ``pypi.org and 10.0.0.0/8``."""
        words = ["everything"] if self.everything else []
        words += ["public addresses"] if self.public else []
        words += ["package indexes"] if self.packages else []
        words += [str(one) for one in (*self.hosts, *self.networks)]
        return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words) or "nothing"


EVERYTHING = Reach(everything=True)
NOTHING = Reach()


def read_reach(text: str) -> Reach:
    """
    From ``all``, ``none``, or words (``public``, ``packages``, hosts, networks) with spaces or commas between.

    Raises:
        BadSpec: one of them is none of these.
    """
    words = text.replace(",", " ").split()
    if words in ([ALL], [NONE]):
        return EVERYTHING if words == [ALL] else NOTHING
    if not words or {ALL, NONE} & set(words):
        raise BadSpec(
            f"{text!r} does not say what builds may reach.",
            hint="Write all, none, or a list of public, packages, hosts and networks.",
        )
    rest = [word for word in words if word not in (PUBLIC, PACKAGES)]
    return Reach(
        public=PUBLIC in words,
        packages=PACKAGES in words,
        networks=tuple(_network(word) for word in rest if "/" in word),
        hosts=tuple(_host(word) for word in rest if "/" not in word),
    )


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(word, strict=False)
    except ValueError:
        raise BadSpec(f"{word!r} is not a network.", hint="Write it like 10.1.0.0/16.") from None


def _host(word: str) -> Host:
    found = _ENTRY.fullmatch(word)
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        raise BadSpec(
            f"{word!r} is not a host that builds may reach.",
            hint="Write it like pypi.org, *.example.org or 10.1.2.3:8080.",
        )
    name = found["host"].strip("[]").lower().rstrip(".")
    return Host(name=name, port=int(found["port"]) if found["port"] else None, inside=not name.startswith("*."))


def has_public_name(host: str) -> bool:
    """Whether `host` is an address, or a name that the public internet can have: no single word, no inside domain."""
    *before, last = host.lower().rstrip(".").split(".")
    return ":" in host or (bool(before) and last not in _INSIDE_DOMAINS)


def _on_loopback(host: Host) -> bool:
    try:
        return ip_address(host.name).is_loopback
    except ValueError:
        return host.name == "localhost"
