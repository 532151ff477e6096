"""The real application in memory: real routes, journal and catalogue; a scripted builder and a fake Hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest_asyncio
from fastapi import FastAPI

from hubkiln.builds.interface import Builder, BuildSettings
from hubkiln.builds.jobs import Jobs, compose
from hubkiln.environments.catalogue import Catalogue
from hubkiln.errors import BadSpec
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.testing.hub import FakeAuth
from hubkiln.values import Spec
from hubkiln.web.app import create_app
from hubkiln.web.auth import Auth
from hubkiln.web.environments import saving
from hubkiln.web.models import Ability, EngineModel, LimitsModel
from hubkiln.web.requests import WebSettings

PREFIX = "/services/binder/"
ENGINE = EngineModel(
    engine="sandbox",
    typed_images=Ability(works=False, reason="Not yet."),
    isolation=True,
    limits=LimitsModel(memory=True, cpu=False, reason="No cpu controller."),
)


def parse(text: str, ref: str | None, subdir: str) -> Spec:
    """Enough of the real parser for the routes' tests."""
    if "/" not in text:
        raise BadSpec("That names no repository.", hint="Write org/repo.")
    return Spec(provider="gh", repository=text, ref=ref or "HEAD", subdir=subdir)


def parse_provider(provider: str, rest: str) -> Spec:
    """Keeps apart what is encoded and what is not."""
    if provider != "gh":
        return Spec(provider=provider, repository=rest)
    owner, name, ref = [*rest.split("/", 2), ""][:3]
    return Spec(provider=provider, repository=unquote(f"{owner}/{name}"), ref=ref or "HEAD")


@dataclass
class Service:
    """A running service and a client of it."""

    app: FastAPI
    jobs: Jobs
    client: httpx.AsyncClient

    def as_user(self, token: str) -> dict[str, str]:
        """Headers that authenticate."""
        return {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, token: str = "ada", **more: object) -> httpx.Response:
        """A request below the prefix."""
        headers = self.as_user(token) | dict(more.pop("headers", {}))  # type: ignore[call-overload]
        return await self.client.request(method, PREFIX + path, headers=headers, **more)  # type: ignore[arg-type]


Serve = Callable[..., Awaitable[Service]]


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts the service over a builder."""
    database = await fresh_database(tmp_path)
    running: list[Service] = []

    async def begin(
        builder: Builder | None = None, auth: Auth | None = None, web: WebSettings | None = None
    ) -> Service:
        catalogue = Catalogue(database)
        settings = BuildSettings(flush_seconds=0.001, beat_seconds=5, poll_seconds=0.01)
        jobs = compose(builder or FakeBuilder(), database, settings, [saving(catalogue)])
        await jobs.start()
        app = create_app(
            jobs=jobs,
            catalogue=catalogue,
            auth=auth or FakeAuth(),
            engine=lambda: ENGINE,
            parse=parse,
            parse_provider=parse_provider,
            settings=web or WebSettings(keepalive_seconds=5, hold_seconds=0),
        )
        transport = httpx.ASGITransport(app)
        service = Service(app, jobs, httpx.AsyncClient(transport=transport, base_url="http://hub.test"))
        running.append(service)
        return service

    yield begin
    for service in running:
        await service.client.aclose()
        await service.jobs.stop()
    await database.close()


@pytest_asyncio.fixture
async def service(serve: Serve) -> Service:
    """The service over a builder that succeeds at once."""
    return await serve()
