"""The build service of one machine: the workshop's pipeline behind jobs and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from hubkiln.assembly import open_workshop
from hubkiln.builds.interface import BuildSettings
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.sandbox.interface import Capability
from hubkiln.web.models import Ability, EngineModel, LimitsModel
from hubkiln.web.serve import HubEnvironment, serve


def run_service(data: DataDir, *, at_once: int, allowed_networks: Sequence[str]) -> None:
    """
    Serve until SIGTERM or SIGINT.

    Raises:
        BadSpec: a network is not one.
        ServiceError: no hub started us, or the address is taken.
    """
    hub = HubEnvironment.read()
    settings = RepositorySettings(allowed_networks=tuple(network(text) for text in allowed_networks))
    asyncio.run(_serve(data, hub, settings, BuildSettings(at_once=at_once, secrets=(hub.api_token,))))


async def _serve(data: DataDir, hub: HubEnvironment, settings: RepositorySettings, builds: BuildSettings) -> None:
    async with open_workshop(data, settings) as workshop:
        capability = await workshop.engine.probe()
        await serve(
            workshop.pipeline,
            workshop.database,
            hub,
            engine=lambda: engine_model(capability),
            parse=workshop.repositories.parse,
            parse_provider=workshop.repositories.parse_link,
            builds=builds,
        )


def engine_model(capability: Capability) -> EngineModel:
    """What the page is told about the engine."""
    return EngineModel(
        engine="sandbox",
        typed_images=Ability(
            works=False, reason="This hub runs environments that it built itself; give a repository instead."
        ),
        isolation=capability.works,
        limits=LimitsModel(
            memory=capability.memory_enforced, cpu=capability.cpu_enforced, reason=capability.limits_reason
        ),
    )


def network(text: str) -> IPv4Network | IPv6Network:
    """
    Raises:
        BadSpec: not an address range.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise BadSpec(f"{text!r} is not a network.", hint="Write it like 10.1.0.0/16.") from None
