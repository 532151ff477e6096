"""Runs the build service until it is told to stop, and then ends it in the right order.

Builds stop first and say so to whoever follows them; only then does the server wait for its streams, which have
nothing more to tell.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from types import FrameType

import uvicorn
from fastapi import FastAPI

from hubkiln.builds import Builder, BuildSettings, Jobs, compose_jobs
from hubkiln.database import Database
from hubkiln.environments import Catalogue, Versions
from hubkiln.launches import HubLauncher, LaunchSettings
from hubkiln.repositories import Keyring
from hubkiln.signing import Signer
from hubkiln.web.app import create_app
from hubkiln.web.audit import audit_to
from hubkiln.web.auth import HubTokens
from hubkiln.web.environments import Saving, saving
from hubkiln.web.listening import HubEnvironment, listen
from hubkiln.web.login import HubLogin
from hubkiln.web.measured import Measured, Metrics
from hubkiln.web.offer import Offer
from hubkiln.web.parties import Party
from hubkiln.web.reading import Reading
from hubkiln.web.requests import Parts, Private
from hubkiln.web.scheduling import Scheduling
from hubkiln.web.settings import WebSettings
from hubkiln.web.storage_report import StorageReport
from hubkiln.web.telling import Telling
from hubkiln.web.tracing import Tracing, tracing

GRACE_SECONDS = 5
"""How long open responses may still take when everything has stopped."""


async def serve(
    builder: Builder,
    database: Database,
    hub: HubEnvironment,
    offer: Offer,
    *,
    builds: BuildSettings | None = None,
    web: WebSettings | None = None,
    private: Private | None = None,
    parties: Mapping[str, Party] | None = None,
    sock: socket.socket | None = None,
) -> None:
    """
    Serve builds of `builder`, recorded in `database`, until SIGTERM or SIGINT; the caller closes `database`.

    `parties` are others whom it needs besides the hub. `sock` is the listening socket, if there is one already.

    Raises:
        ServiceError: the address cannot be listened on.
    """
    builds, web = builds or BuildSettings(), web or WebSettings()
    private, parties = private or Private(keyring=Keyring(database)), parties or {}
    async with tracing() as traced, Telling(database, web, statuses=offer.statuses).running():
        parts = _parts(builder, database, hub, offer, builds, web, private, parties, traced)
        try:
            async with Scheduling(parts.jobs, database).running():
                await run(create_app(parts), parts.jobs, sock or listen(hub.host, hub.port))
        finally:
            await parts.looking.close()


def _parts(
    builder: Builder,
    database: Database,
    hub: HubEnvironment,
    offer: Offer,
    builds: BuildSettings,
    web: WebSettings,
    private: Private,
    parties: Mapping[str, Party],
    traced: Tracing,
) -> Parts:
    catalogue, metrics = Catalogue(database), Metrics()
    measured = traced.build(Measured(builder, metrics))
    auth = HubTokens(api_url=hub.api_url, api_token=hub.api_token, service=hub.service)
    return Parts(
        jobs=compose_jobs(measured, database, builds, [saving(catalogue)], offer.sources, Saving(catalogue)),
        database=database,
        catalogue=catalogue,
        auth=auth,
        offer=offer,
        prefix=hub.prefix,
        settings=web,
        metrics=metrics,
        signer=Signer(hub.api_token),
        parties={"JupyterHub API": Party(auth.check_hub), **parties},
        at_once=builds.at_once,
        login=_login(hub),
        launcher=_launcher(hub, web),
        public_origin=hub.public_origin,
        private=private,
        audit=audit_to(web.audit_log),
        storage=StorageReport(offer.storage),
        versions=Versions(database),
        tracing=traced,
    )


def _login(hub: HubEnvironment) -> HubLogin | None:
    """For a service that stands below the hub's own address."""
    if "services/" not in hub.prefix:
        return None
    return HubLogin(
        api_url=hub.api_url,
        client=f"service-{hub.service}",
        secret=hub.api_token,
        prefix=hub.prefix,
        signer=Signer(hub.api_token),
    )


def _launcher(hub: HubEnvironment, web: WebSettings) -> HubLauncher | None:
    if web.launch == "no":
        return None
    settings = LaunchSettings(attempts=web.launch_attempts, seconds=web.launch_seconds, origins=web.allow_origins)
    return HubLauncher(hub.api_url, hub.api_token, settings)


async def run(app: FastAPI, jobs: Jobs, sock: socket.socket) -> None:
    """Serve `app` on `sock` and run `jobs` until a signal comes or we are cancelled."""
    config = uvicorn.Config(
        app,
        http=Reading,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe is an admin's to say: see visitors.address_of
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    await jobs.start()
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="serve")
    asked = asyncio.create_task(server.asked.wait(), name="until asked to stop")
    try:
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        await jobs.stop()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves the order of stopping to us; a second signal stops at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.asked.is_set():
            self.force_exit = True
        self._loop.call_soon_threadsafe(self.asked.set)
