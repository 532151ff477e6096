"""Clients for registries, with the rules of who asks: the service keeps out of private networks, a person need not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from hubkiln.egress import Guard
from hubkiln.errors import BadSpec
from hubkiln.images.interface import PushSettings, RegistrySettings
from hubkiln.images.names import bare_host
from hubkiln.images.platforms import own_platform
from hubkiln.images.push_target import PushTarget
from hubkiln.images.registry import RegistryClient
from hubkiln.images.session import Allowed
from hubkiln.setting_values import Values

Clients = Callable[[], RegistryClient]
"""Makes a client, for one use as ``async with``."""


def clients(
    allowed_networks: Sequence[IPv4Network | IPv6Network] | None,
    chosen: RegistrySettings | None = None,
    target: PushTarget | None = None,
) -> Clients:
    """
    Clients that ask public addresses, those in `allowed_networks`, and the registry of the admin's `target`.

    None for `allowed_networks` allows every address.
    """
    own = bare_host(target.host) if target else ""
    allowed = None if allowed_networks is None else allowed_by(Guard(allowed_networks), own)
    here = replace(chosen or RegistrySettings(), platform=own_platform())
    return lambda: RegistryClient(here, allowed=allowed)


def settings(variables: Mapping[str, str]) -> RegistrySettings:
    """
    The admin's; see :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one cannot be read.
    """
    return Values(variables).put_into(
        RegistrySettings(),
        plain_http="plain_http",
        tls_on_loopback="tls_on_loopback",
        certificates="registry_certificates",
        token_hosts="token_hosts",
        max_image_bytes="largest_image",
    )


def push_settings(variables: Mapping[str, str]) -> PushSettings:
    """
    The admin's; see :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one cannot be read.
    """
    values = Values(variables)
    push, pull = values.get("push"), values.get("pull_from")
    try:
        target = None if push is None else PushTarget(push, pull or push)
    except BadSpec as error:
        raise BadSpec(f"HUBKILN_PUSH: {error.message}", hint=error.hint) from None
    usual = PushSettings(target=target)
    return values.put_into(usual, pull_from="pull_from", seconds="push_seconds", base_image="base_image")


def allowed_by(guard: Guard, own: str = "") -> Allowed:
    """`guard` as the registry client asks it; the host `own` is an admin's choice and needs no leave."""

    async def check(scheme: str, host: str, port: int) -> str | None:
        if own and host == own:
            return None
        return (await guard.check(scheme, host, port)).ip

    return check
