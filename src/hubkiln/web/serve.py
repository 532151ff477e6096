"""Runs the build service until it is told to stop, and then ends it in the right order.

Builds stop first and say so to whoever follows them; only then does the server wait for its streams, which have
nothing more to tell.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from hubkiln.builds.interface import Builder, BuildSettings
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.database import Database
from hubkiln.environments.catalogue import Catalogue
from hubkiln.errors import ServiceError
from hubkiln.values import Spec
from hubkiln.web.app import create_app
from hubkiln.web.auth import HubTokens
from hubkiln.web.environments import saving
from hubkiln.web.models import EngineModel
from hubkiln.web.requests import WebSettings

GRACE_SECONDS = 5
"""How long open responses may still take when everything has stopped."""


@dataclass(frozen=True, kw_only=True)
class HubEnvironment:
    """What JupyterHub tells a service that it starts."""

    host: str = "127.0.0.1"
    port: int = 8585
    prefix: str = "/services/binder/"
    service: str = "binder"
    api_url: str = "http://127.0.0.1:8081/hub/api"
    api_token: str = field(default="", repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> HubEnvironment:
        """
        From the ``JUPYTERHUB_…`` variables.

        Raises:
            ServiceError: there is no token, so this was not started by a hub.
        """
        token = environ.get("JUPYTERHUB_API_TOKEN", "")
        if not token:
            raise ServiceError(
                "The build service was not started by JupyterHub: JUPYTERHUB_API_TOKEN is not set.",
                hint="Run hubkiln up, or set the JUPYTERHUB_… variables of a service.",
            )
        url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
        return cls(
            host=url.hostname or cls.host,
            port=url.port or cls.port,
            prefix=f"/{environ.get('JUPYTERHUB_SERVICE_PREFIX', cls.prefix).strip('/')}/".replace("//", "/"),
            service=environ.get("JUPYTERHUB_SERVICE_NAME") or cls.service,
            api_url=environ.get("JUPYTERHUB_API_URL") or cls.api_url,
            api_token=token,
        )


async def serve(
    builder: Builder,
    database: Database,
    hub: HubEnvironment,
    *,
    engine: Callable[[], EngineModel],
    parse: Callable[[str, str | None, str], Spec],
    parse_provider: Callable[[str, str], Spec],
    builds: BuildSettings | None = None,
    web: WebSettings | None = None,
) -> None:
    """
    Serve builds of `builder`, recorded in `database`, until SIGTERM or SIGINT; the caller closes `database`.

    Raises:
        ServiceError: the address cannot be listened on.
    """
    catalogue = Catalogue(database)
    jobs = compose(builder, database, builds, [saving(catalogue)])
    app = create_app(
        jobs=jobs,
        catalogue=catalogue,
        auth=HubTokens(api_url=hub.api_url, api_token=hub.api_token, service=hub.service),
        engine=engine,
        parse=parse,
        parse_provider=parse_provider,
        prefix=hub.prefix,
        settings=web,
    )
    await run(app, jobs, listen(hub.host, hub.port))


def listen(host: str, port: int) -> socket.socket:
    """
    A listening socket.

    Raises:
        ServiceError: somebody else listens there, or we may not.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ServiceError(
            f"The build service cannot listen on {host}:{port}: {error.strerror}.",
            hint="Stop what listens there, or choose another port.",
        ) from error


async def run(app: FastAPI, jobs: Jobs, sock: socket.socket) -> None:
    """Serve `app` on `sock` and run `jobs` until a signal comes or we are cancelled."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
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
