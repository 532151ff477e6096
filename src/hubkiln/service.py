"""The build service of one machine: the workshop's pipeline behind jobs and HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from hubkiln import __version__
from hubkiln.assembly import Workshop, open_workshop
from hubkiln.builds import Builder, BuildRequest, Glances, Sources, in_processes
from hubkiln.data_dir import DataDir
from hubkiln.database import Database, database_at, database_url, sqlite_url
from hubkiln.environments import Sight, StoredSize
from hubkiln.errors import EngineMissing, HubkilnError, ServiceError
from hubkiln.folders import NOT_WRITABLE
from hubkiln.keys import digest
from hubkiln.local_images import clear_left
from hubkiln.made_images import InImages, measure_in, present_in, there_in
from hubkiln.processes import own_module
from hubkiln.repositories import (
    CommitStatuses,
    GitHubApp,
    Keyring,
    Lent,
    Readers,
    RepositorySettings,
    Tokens,
    described,
    first_of,
    sources,
)
from hubkiln.sandbox import Capability, Identity, open_user_namespace
from hubkiln.settings import Settings
from hubkiln.storage import Storage
from hubkiln.stores import Timer
from hubkiln.values import FORMAT
from hubkiln.web import (
    Ability,
    EngineModel,
    HubEnvironment,
    HubLogins,
    LimitsModel,
    Offer,
    Party,
    Private,
    serve_web,
    written,
)

log = logging.getLogger(__name__)

HUBS_OWN = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_", "HUBKILN_CREDENTIAL_KEY", "HUBKILN_GITHUB_APP")
"""Beginnings of variables that are between the Hub and the service, or open what all users stored or an app may."""

NEWEST_SECONDS = 8
"""How long a host is waited for when a page asks whether a saved repository has newer commits."""
NEWEST_KEPT = 600
"""How long its answer is told again."""


def run_service(
    data: DataDir,
    hub: HubEnvironment,
    sock: socket.socket,
    settings: Settings,
    *,
    isolation: bool = True,
) -> None:
    """Serve on the listening socket `sock` until SIGTERM or SIGINT."""
    asyncio.run(_serve(data, hub, sock, settings, isolation))


async def _serve(
    data: DataDir,
    hub: HubEnvironment,
    sock: socket.socket,
    settings: Settings,
    isolation: bool,
) -> None:
    Storage(data, settings.database).keep_database()
    chosen = settings.repositories
    logins = HubLogins(hub.api_url, hub.api_token, chosen.login_hosts)
    timer = Timer(root=data.root, settings=settings.storage, database=settings.database)
    app = GitHubApp(chosen)
    url = database_url(settings.database) if settings.database else sqlite_url(data.database)
    async with (
        database_at(url) as database,
        _keyring(database, chosen.credential_keys) as keyring,
        open_workshop(
            data, settings, database if settings.database else None, first_of(keyring.tokens, logins.tokens), app.tokens
        ) as workshop,
        timer.running(),
        _builder(data, settings, workshop, first_of(keyring.tokens, logins.tokens), app.tokens) as builder,
    ):
        capability = await workshop.engine.probe()
        of = partial(engine_model, capability, pods=settings.pods.wanted, pushes=settings.push.target is not None)
        reason = await no_images(workshop.engine.identity, capability, isolation)
        await serve_web(
            builder,
            database,
            hub,
            offer_of(workshop, settings, database, timer, app, lambda: of(reason)),
            builds=replace(settings.builds, secrets=(hub.api_token, *passwords_in(url), *chosen.credential_keys)),
            web=settings.web,
            private=Private(
                keyring=keyring,
                logins=logins.tokens,
                may_read=Readers(workshop.repositories.resolve).may_read,
            ),
            parties={"Data folder": Party(partial(check_open, data)), **_parties(chosen, logins, app)},
            sock=sock,
        )


async def check_open(data: DataDir) -> None:
    """
    Raises:
        ServiceError: something of the data folder cannot be written; which is logged, as health is for everybody.
    """
    if closed := await asyncio.to_thread(Storage(data).closed):
        log.warning("data folder closed", extra={"action": "data_closed", "error": closed})
        raise ServiceError(NOT_WRITABLE)


def _parties(chosen: RepositorySettings, logins: HubLogins, app: GitHubApp) -> dict[str, Party]:
    """Whom private repositories need."""
    found = {"Users' logins": Party(logins.check)} if chosen.login_hosts else {}
    return found | ({"GitHub App": Party(app.check)} if chosen.github_app else {})


def offer_of(
    workshop: Workshop,
    settings: Settings,
    database: Database,
    timer: Timer,
    app: GitHubApp,
    engine: Callable[[], EngineModel],
) -> Offer:
    """What `workshop` gives the service to answer with."""
    repositories, contents = workshop.repositories, InImages(workshop)
    return Offer(
        engine=engine,
        parse=repositories.parse,
        parse_provider=repositories.parse_link,
        recognise=repositories.recognise,
        contents=contents,
        refs=Glances(repositories.list_refs, repositories.can_try),
        looks=workshop.looks,
        sight=Sight(measure=measure_in(workshop), count=contents.count, there=there_in(workshop)),
        newest=Glances(repositories.resolve, repositories.can_try, seconds=NEWEST_SECONDS, kept_seconds=NEWEST_KEPT),
        references=workshop.references,
        kinds=written(described(settings.repositories)),
        sources=Sources(
            resolve=repositories.resolve,
            can_try=repositories.can_try,
            present=present_in(workshop),
            plan=workshop.pipeline.intended,
            made_with=lambda: made_with(settings),
            stored=StoredSize(database, measure_in(workshop)).of,
        ),
        statuses=CommitStatuses(
            sources(settings.repositories), settings.web.status_tokens, app.status_tokens if app.there else None
        ),
        storage=timer.look,
    )


@asynccontextmanager
async def _keyring(database: Database, keys: tuple[str, ...]) -> AsyncIterator[Keyring]:
    """The tokens that users stored, all of them encrypted with the first of `keys` from here on."""
    keyring = Keyring(database, keys)
    if renewed := await keyring.renew():
        log.info("tokens encrypted anew", extra={"action": "credentials_renewed", "users": renewed})
    yield keyring


@asynccontextmanager
async def _builder(
    data: DataDir, settings: Settings, workshop: Workshop, tokens: Tokens, lent: Lent
) -> AsyncIterator[Builder]:
    """What builds: processes of their own, each told its reader's tokens alone, or the pipeline."""
    if not settings.builds.own_process or settings.pods.wanted:  # one process listens for what step pods bring
        yield workshop.pipeline
        return

    async def secrets(request: BuildRequest) -> dict[str, Any]:
        reader = request.spec.reader
        own = dict(await tokens(reader)) if reader else {}
        return {"reader": reader, "tokens": own, "lent": await _lent_for(request, lent)}

    words, env = own_module("hubkiln.cli.child", str(os.getpid()), str(data.root))
    begin = {"data_dir": str(data.root), "variables": variables_for_builds(os.environ)}
    async with in_processes(words, env, begin, secrets, clear=partial(clear_left, data)) as builder:
        yield builder


async def _lent_for(request: BuildRequest, lent: Lent) -> dict[str, str]:
    """What may be lent to a build of `request`; nothing while nobody can say, for most repositories need nothing."""
    try:
        return dict(await lent(request.spec))
    except HubkilnError as error:
        log.warning("nothing is lent to a build", extra={"action": "lent", "error": error.message})
        return {}


def variables_for_builds(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what is the service's alone: no token for the Hub, and no key to users' tokens."""
    return {name: value for name, value in environ.items() if not name.startswith(HUBS_OWN)}


def passwords_in(url: str) -> tuple[str, ...]:
    """What of a database's address must be in no log."""
    password = urlsplit(url).password
    return (password, unquote(password)) if password else ()


def made_with(settings: Settings) -> str:
    """Changes whenever another version or another setting could make something else of the same commit."""
    chosen = (settings.packages, settings.conda, settings.python, settings.steps, settings.repo2docker, settings.push)
    return digest([__version__, FORMAT, repr(chosen)])


async def no_images(identity: Identity, capability: Capability, isolation: bool) -> str:
    """Why servers cannot start from images with a root file system of their own; empty if they can."""
    if not isolation:
        return "Servers run without isolation here, so only environments that this hub built can start."
    if not capability.works:
        return f"An admin's turn: {capability.reason}"
    if identity.privileged:
        try:
            os.close(await open_user_namespace(identity))
        except EngineMissing as error:
            return str(error)
    return ""


def engine_model(capability: Capability, no_images: str, *, pods: bool = False, pushes: bool = False) -> EngineModel:
    """
    What the page is told about the engine; `no_images` is the reason why no typed image can start, if none can.

    With `pods` it runs steps alone, as pods. With `pushes` what is built goes where servers on other machines can
    pull it.
    """
    return EngineModel(
        engine="kubernetes" if pods else "sandbox",
        typed_images=Ability(works=not no_images, reason=no_images),
        isolation=capability.works,
        limits=LimitsModel(
            memory=capability.memory_enforced, cpu=capability.cpu_enforced, reason=capability.limits_reason
        ),
        pushes=pushes,
    )
