"""What an admin chooses of how the service speaks. Loads nothing of a web framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the service speaks."""

    keepalive_seconds: float = 15
    """Silence after which a stream sends a comment; proxies close what is silent for 30 to 60 seconds."""

    hold_seconds: float = 60
    """How long a BinderHub stream stays open after ``ready``: clients take an early end for a failure or reconnect."""

    at_once_seconds: float = 5.0
    """How long a BinderHub stream may say nothing while an answer without a record is looked for; then it begins."""

    max_body_bytes: int = 64 * 1024
    """Largest request; a package list with a thousand lines fits."""

    allow_origins: tuple[str, ...] = ()
    """Other sites whose pages may read the BinderHub stream; ``*`` for every one, empty for none."""

    launch: str = "no"
    """For whom a stream without ``build_only`` starts a server: ``no``, ``users`` or ``everybody``."""

    launch_seconds: float = 600
    """Longest start of a server, each attempt; pulling a large image takes minutes."""

    launch_attempts: int = 3
    """How often a start is tried; a node that is just going away makes the first one fail."""

    anonymous_limit: int = 10
    """Builds that one address may ask for in an hour without a login; BinderHub's number."""

    banned_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose requests for builds are refused."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))
    """Proxies before us, whose ``X-Forwarded-For`` is believed; the hub's own is on this machine by default."""

    webhook_secret: str = field(default="", repr=False)
    """What forges sign their webhooks with; empty for none that are heard."""

    webhook_repositories: tuple[str, ...] = ()
    """Which pushes are built: ``gh/org/*`` for default branches, ``gh/org/repo@release-*`` for others."""

    notify: tuple[str, ...] = ()
    """Addresses that are told of every build's end."""

    notify_secret: str = field(default="", repr=False)
    """What these messages are signed with; empty for none that are sent."""

    notify_hosts: tuple[str, ...] = ()
    """Hosts, with ``*``, whose addresses a request may name to be told."""

    notify_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks inside that may be told."""

    status_tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """Host to the token with which commits that a webhook told of get a status; no host, no status."""

    audit_log: str = ""
    """File to which events for audits are appended; empty for none."""

    language: str = ""
    """The one language of pages; empty to go by each browser."""

    words: Path | None = None
    """Folder of an admin's own languages and sentences."""

    build_scope: str = ""
    """Scope that whoever builds must have, given by the hub's roles; empty for everybody who may use the service."""
