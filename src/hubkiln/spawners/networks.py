"""What servers reach: the public internet unless an admin says otherwise, and of this machine the hub alone.

As a whole where slirp4netns works; else over HTTP and HTTPS, through a proxy of ours, which works everywhere. Never is
the machine's own network shared because something is missing: that is an admin's decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from hubkiln.egress import Reach, inside_networks, read_reach
from hubkiln.errors import BadSpec
from hubkiln.processes import PROXIES, own_module
from hubkiln.sandbox import DOOR_PORT, NAME_SERVER, Engine, Identity, Outlook, Outside, network_device, own_addresses

LIMITED = "Servers reach the internet over HTTP and HTTPS alone"


@dataclass(frozen=True, slots=True)
class Connection:
    """How one server's network is connected."""

    outside: Outside | None = None
    name_server: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def read_outbound(text: str) -> Reach:
    """
    What servers may reach, in the words of run steps.

    Raises:
        BadSpec: it cannot be read, or is for run steps alone.
    """
    reach = read_reach(text)
    if reach.packages and not reach.public:
        raise BadSpec("Servers cannot be given package indexes alone.", hint="Name the hosts, or write public.")
    return reach


async def connection(engine: Engine, identity: Identity, text: str) -> Connection:
    """
    For a server of `identity`; `text` is what the admin lets servers reach.

    Raises:
        BadSpec: `text` makes no sense.
    """
    reach = read_outbound(text)
    if reach == Reach():
        return Connection()
    wide = reach.everything or (reach.public and not reach.hosts)
    if wide and (await engine.outlook()).works:
        opened = [network for network in reach.networks if isinstance(network, IPv4Network)]
        closed = [] if reach.everything else [*inside_networks(), *own_addresses()]
        return Connection(network_device(identity, closed=closed, opened=opened), NAME_SERVER)
    return _through_proxy(identity, text)


def _through_proxy(identity: Identity, text: str) -> Connection:
    who = (identity.uid, identity.gid) if identity.privileged else (-1, -1)
    told = "public" if read_reach(text).everything else text
    argv, env = own_module("hubkiln.egress.serve", "{listener}", "{exit}", *map(str, who), told)
    address = f"http://127.0.0.1:{DOOR_PORT}"
    inside = {name: address for name in PROXIES if not name.lower().startswith("no")}
    inside |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1")
    return Connection(Outside(argv=tuple(argv), env=tuple(env.items()), port=DOOR_PORT), "", inside)


def limited(outlook: Outlook) -> str:
    """What doctor, ``hubkiln up`` and the admin's page say; empty where nothing is missing."""
    return "" if outlook.works else f"{LIMITED}: {outlook.reason} {outlook.hint}".strip()
