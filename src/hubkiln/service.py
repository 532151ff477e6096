"""The build service of one machine: the workshop's pipeline behind jobs and HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from hubkiln.assembly import open_workshop
from hubkiln.builds import BuildSettings
from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, sqlite_url
from hubkiln.errors import BadSpec, EngineMissing
from hubkiln.repositories import RepositorySettings
from hubkiln.sandbox import Capability, Identity, open_user_namespace
from hubkiln.web import Ability, EngineModel, HubEnvironment, LimitsModel, serve_web


def run_service(
    data: DataDir,
    hub: HubEnvironment,
    sock: socket.socket,
    *,
    at_once: int,
    allowed_networks: Sequence[str],
    largest_bytes: int,
    isolation: bool = True,
) -> None:
    """
    Serve on the listening socket `sock` until SIGTERM or SIGINT.

    Raises:
        BadSpec: a network is not one.
    """
    networks = tuple(network(text) for text in allowed_networks)
    settings = RepositorySettings(allowed_networks=networks, max_bytes=largest_bytes)
    builds = BuildSettings(at_once=at_once, secrets=(hub.api_token,))
    asyncio.run(_serve(data, hub, sock, settings, builds, isolation))


async def _serve(
    data: DataDir,
    hub: HubEnvironment,
    sock: socket.socket,
    settings: RepositorySettings,
    builds: BuildSettings,
    isolation: bool,
) -> None:
    async with open_workshop(data, settings) as workshop, database_at(sqlite_url(data.database)) as database:
        capability = await workshop.engine.probe()
        reason = await no_images(workshop.engine.identity, capability, isolation)
        await serve_web(
            workshop.pipeline,
            database,
            hub,
            engine=lambda: engine_model(capability, reason),
            parse=workshop.repositories.parse,
            parse_provider=workshop.repositories.parse_link,
            builds=builds,
            sock=sock,
        )


async def no_images(identity: Identity, capability: Capability, isolation: bool) -> str:
    """Why servers cannot start from images with a root file system of their own; empty if they can."""
    if not isolation:
        return "Servers run without isolation here, so only environments that this hub built can start."
    if not capability.works:
        return capability.reason
    if identity.privileged:
        try:
            os.close(await open_user_namespace(identity))
        except EngineMissing as error:
            return str(error)
    return ""


def engine_model(capability: Capability, no_images: str) -> EngineModel:
    """What the page is told about the engine; `no_images` is the reason why no typed image can start, if none can."""
    return EngineModel(
        engine="sandbox",
        typed_images=Ability(works=not no_images, reason=no_images),
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
