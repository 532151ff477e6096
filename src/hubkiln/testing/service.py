"""The real build service in one line, in memory: real routes, journal and catalogue over a scripted builder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from fastapi import FastAPI

from hubkiln.builds import Builder, BuildSettings, Glances, Jobs, Sources, compose_jobs
from hubkiln.environments import Catalogue, Versions
from hubkiln.errors import BadSpec
from hubkiln.images import Looks, References
from hubkiln.repositories import Keyring, Recognised, Refs
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.testing.hub import FakeAuth
from hubkiln.values import Spec
from hubkiln.web import (
    Ability,
    Auth,
    Contents,
    EngineModel,
    LimitsModel,
    Measured,
    Metrics,
    NoContents,
    Parts,
    Party,
    Private,
    StorageReport,
    WebSettings,
    create_app,
    no_refs,
    saving,
)

PREFIX = "/services/binder/"
ENGINE = EngineModel(
    engine="sandbox",
    typed_images=Ability(works=True),
    isolation=True,
    limits=LimitsModel(memory=True, cpu=False, reason="No cpu controller."),
)
QUICK = BuildSettings(flush_seconds=0.001, poll_seconds=0.01)


def parse(text: str, ref: str | None, subdir: str) -> Spec:
    """Enough of the real parser for the routes: ``org/repo`` and nothing else."""
    if "/" not in text:
        raise BadSpec("That names no repository.", hint="Write org/repo.")
    return Spec(provider="gh", repository=text, ref=ref or "HEAD", subdir=subdir)


def parse_provider(provider: str, rest: str) -> Spec:
    """``gh/org/repo/ref``; of other providers the rest is kept as it came, so that a test sees what arrived."""
    if provider != "gh":
        return Spec(provider=provider, repository=rest)
    owner, name, ref = [*rest.split("/", 2), ""][:3]
    return Spec(provider=provider, repository=unquote(f"{owner}/{name}"), ref=ref or "HEAD")


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and a client of it."""

    app: FastAPI
    jobs: Jobs
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, token: str | None = "ada", **more: Any) -> httpx.Response:
        """A request below the prefix, with a token of :class:`hubkiln.testing.hub.FakeAuth`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return await self.client.request(method, PREFIX + path, headers=headers, **more)


@asynccontextmanager
async def in_memory(
    folder: Path,
    builder: Builder | None = None,
    *,
    auth: Auth | None = None,
    web: WebSettings | None = None,
    sources: Sources | None = None,
    parties: Mapping[str, Party] | None = None,
    private: Private | None = None,
    storage: StorageReport | None = None,
    parse: Callable[[str, str | None, str], Spec] = parse,
    recognise: Callable[[str, str | None, str], Recognised] | None = None,
    contents: Contents | None = None,
    refs: Glances[Refs] | None = None,
    looks: Looks | None = None,
    references: References | None = None,
) -> AsyncIterator[Service]:
    """The service over `builder` (one that succeeds at once, unless given), its database in `folder`."""
    database = await fresh_database(folder)
    catalogue = Catalogue(database)
    metrics = Metrics()
    jobs = compose_jobs(Measured(builder or FakeBuilder(), metrics), database, QUICK, [saving(catalogue)], sources)
    parts = Parts(
        jobs=jobs,
        database=database,
        catalogue=catalogue,
        auth=auth or FakeAuth(),
        engine=lambda: ENGINE,
        parse=parse,
        parse_provider=parse_provider,
        prefix=PREFIX,
        settings=web or WebSettings(keepalive_seconds=5, hold_seconds=0),
        metrics=metrics,
        parties=parties or {},
        private=private or Private(keyring=Keyring(database)),
        versions=Versions(database),
        contents=contents or NoContents(),
        refs=refs or Glances(no_refs),
        looks=looks or Looks(),
        references=references or References(),
        recognise=recognise or (lambda *given: Recognised(spec=parse(*given))),
        storage=storage or StorageReport(),
    )
    app = create_app(parts)
    await jobs.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
            yield Service(app, jobs, client)
    finally:
        await jobs.stop()
        await database.close()
