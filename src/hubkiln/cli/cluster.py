"""``hubkiln doctor --cluster``: what the cluster lets the service do, tried for real, from the service's own pod."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

from hubkiln.cli.findings import Finding, State
from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, database_url
from hubkiln.engines import room_images
from hubkiln.errors import HubkilnError
from hubkiln.pods import Api, Forbidden, PodSettings, cluster_here, examined, in_namespace
from hubkiln.settings import Settings


async def examine_cluster(data: DataDir, settings: Settings) -> list[Finding]:
    """Everything there is to say; what is made for it is removed again."""
    found = [mode(settings.pods), address(settings.pods), await database(settings.database)]
    try:
        cluster = in_namespace(cluster_here(os.environ), settings.pods.namespace)
        with ExitStack() as opened:
            images = room_images(data, settings, opened)
            chosen = replace(settings.pods, address=settings.pods.address or "hubkiln:8587")
            async with Api(cluster) as api:
                async for fact in examined(
                    api, chosen, settings.steps.limits, images, own_page(settings.push.base_image)
                ):
                    state = State.OK if fact.well else (State.BAD if fact.needed else State.NOTE)
                    found.append(Finding(fact.about, state, fact.says))
    except HubkilnError as error:
        found.append(Finding("kubernetes", State.BAD, f"{error.message} {error.hint}".strip()))
    return found


def own_page(image: str | None) -> Forbidden | None:
    """Where this pod answers, which no step may reach; None outside a pod, or without an `image` to try it with."""
    port = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port
    if not image or port is None or "KUBERNETES_SERVICE_HOST" not in os.environ:
        return None
    try:
        host = str(socket.getaddrinfo(socket.gethostname(), port)[0][4][0])
    except OSError:
        return None
    return Forbidden(host, port, image)


def mode(pods: PodSettings) -> Finding:
    """Do steps run in pods?"""
    if pods.wanted:
        also = ", `apt.txt` too, as root" if pods.root else "; `apt.txt` is refused, because they may not be root"
        also += "; builds share the service's process (`build_process`), which listens for what pods bring"
        return Finding("steps", State.OK, f"each is a pod of its own{also}")
    says = "they run in sandboxes, as far as this pod lets them; `steps_in: pods` (the chart's builds.mode) is not set"
    return Finding("steps", State.NOTE, says)


def address(pods: PodSettings) -> Finding:
    """Do pods find this service?"""
    host, _, port = pods.address.rpartition(":")
    if not host or not port.isdigit():
        state = State.BAD if pods.wanted else State.NOTE
        return Finding("address", state, "`pods_address` is not set to `host:port`, where pods bring what they changed")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port))
    except OSError as error:
        return Finding("address", State.BAD, f"no host named {host} is known here ({error.strerror}): see the Service")
    return Finding("address", State.OK, f"pods bring what they changed to {pods.address}")


async def database(url: str) -> Finding:
    """Is the database there?"""
    if not url:
        return Finding("database", State.NOTE, "a file in the data folder, so one replica; several share a PostgreSQL")
    try:
        async with asyncio.timeout(20), database_at(database_url(url)):
            return Finding("database", State.OK, "the PostgreSQL of all replicas answers")
    except HubkilnError as error:
        return Finding("database", State.BAD, f"{error.message} {error.hint}".strip())
    except TimeoutError:
        return Finding("database", State.BAD, "the PostgreSQL does not answer in 20 s: a network policy?")
