"""The real build service in one line, in memory: real routes, journal and catalogue over a scripted builder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from fastapi import FastAPI

from hubkiln.builds import Builder, BuildSettings, Jobs, Sources, compose_jobs
from hubkiln.environments import Catalogue, Versions
from hubkiln.errors import BadSpec
from hubkiln.repositories import Keyring, Recognised
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.testing.hub import FakeAuth
from hubkiln.values import Spec
from hubkiln.web import (
    Ability,
    Auth,
    EngineModel,
    LimitsModel,
    Measured,
    Metrics,
    NoTracing,
    Offer,
    Parts,
    Party,
    Private,
    Saving,
    StorageReport,
    Tracing,
    WebSettings,
    create_app,
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
    prefix: str = PREFIX

    async def ask(self, method: str, path: str, token: str | None = "ada", **more: Any) -> httpx.Response:
        """A request below the prefix, with a token of :class:`hubkiln.testing.hub.FakeAuth`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return await self.client.request(method, self.prefix + path, headers=headers, **more)


def usual_offer(**other: Any) -> Offer:
    """What a service offers that knows ``org/repo`` and nothing else, `other` fields excepted."""
    read = other.get("parse", parse)
    usual = Offer(
        engine=lambda: ENGINE,
        parse=read,
        parse_provider=parse_provider,
        recognise=lambda *given: Recognised(spec=read(*given)),
    )
    return replace(usual, **other)


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
    tracing: Tracing | None = None,
    at_once_seconds: float = 60,  # longer than a service has it: a busy machine is slow, not wrong
    beat_seconds: float = 5,
    prefix: str = PREFIX,
    **offered: Any,
) -> AsyncIterator[Service]:
    """
    The service over `builder` (one that succeeds at once, unless given), its database in `folder`.

    `offered` are fields of an :class:`hubkiln.web.Offer` that are not to be as :func:`usual_offer` has them.
    """
    catalogue = Catalogue(database := await fresh_database(folder))
    metrics, tracing = Metrics(), tracing or NoTracing()
    measured = tracing.build(Measured(builder or FakeBuilder(), metrics))
    quick = replace(QUICK, beat_seconds=beat_seconds)
    jobs = compose_jobs(measured, database, quick, [saving(catalogue)], sources, Saving(catalogue))
    parts = Parts(
        offer=usual_offer(**offered),
        jobs=jobs,
        database=database,
        catalogue=catalogue,
        auth=auth or FakeAuth(),
        prefix=prefix,
        settings=replace(web or WebSettings(keepalive_seconds=5, hold_seconds=0), at_once_seconds=at_once_seconds),
        metrics=metrics,
        tracing=tracing,
        parties=parties or {},
        private=private or Private(keyring=Keyring(database)),
        versions=Versions(database),
        storage=storage or StorageReport(),
    )
    app = create_app(parts)
    await jobs.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
            yield Service(app, jobs, client, prefix)
    finally:
        await parts.looking.close()
        await jobs.stop()
        await database.close()
