"""What every route needs: the parts the service is made of, and who is asking."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from hubkiln.builds import BuildRequest, Deliveries, Jobs, Record, RuleKind, asked_of
from hubkiln.database import Database
from hubkiln.environments import Catalogue, Looking, Versions
from hubkiln.errors import NotFound, Refused
from hubkiln.languages import Languages
from hubkiln.launches import Launcher
from hubkiln.repositories import Keyring, Tokens
from hubkiln.signing import Signer
from hubkiln.values import Spec
from hubkiln.web.audit import Audit, NoAudit
from hubkiln.web.auth import Auth, Caller, authenticate
from hubkiln.web.kinds import host_of
from hubkiln.web.login import HubLogin, session_token
from hubkiln.web.measured import Metrics
from hubkiln.web.offer import Offer
from hubkiln.web.parties import Party
from hubkiln.web.settings import WebSettings
from hubkiln.web.storage_report import StorageReport
from hubkiln.web.tracing import NoTracing, Tracing
from hubkiln.web.visitors import Visits


async def _everybody(spec: Spec) -> bool:
    return True


async def _no_tokens(user: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """What private repositories need."""

    keyring: Keyring
    """What users stored."""
    logins: Tokens = _no_tokens
    """What users logged in with."""
    may_read: Callable[[Spec], Awaitable[bool]] = _everybody
    """Whether the reader of a repository may still read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes work with."""

    jobs: Jobs
    database: Database
    catalogue: Catalogue
    auth: Auth
    offer: Offer
    prefix: str
    """With a slash at both ends."""
    versions: Versions
    private: Private
    settings: WebSettings = field(default_factory=WebSettings)
    metrics: Metrics = field(default_factory=Metrics)
    signer: Signer = field(default_factory=lambda: Signer(secrets.token_hex(32)))
    """What it signed is known again by every process whose signer has the same secret."""
    audit: Audit = field(default_factory=NoAudit)
    """Takes note of who changed what."""
    tracing: Tracing = field(default_factory=NoTracing)
    """Takes note of what requests and builds take."""
    visits: Visits = field(init=False)
    looking: Looking = field(init=False)
    """Closed by whoever serves."""
    deliveries: Deliveries = field(init=False)
    parties: Mapping[str, Party] = field(default_factory=dict)
    """By the names that ``/health`` gives them."""
    at_once: int = 2
    """Builds that run at the same time."""
    launcher: Launcher | None = None
    login: HubLogin | None = None
    """The hub's, for pages; None where only tokens are accepted."""
    public_origin: str = ""
    """Scheme and host under which people see us; empty where each request must tell."""
    storage: StorageReport = field(default_factory=StorageReport)
    languages: Languages = field(init=False)
    """Those that pages can be read in."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "visits", Visits(self.settings.anonymous_limit, self.database))
        object.__setattr__(self, "looking", Looking(self.database, self.offer.sight))
        object.__setattr__(self, "deliveries", Deliveries(self.database))
        object.__setattr__(self, "languages", Languages.read(self.settings.language, self.settings.words))


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves `request`."""
    parts: Parts = request.app.state.parts
    return parts


async def caller_of(request: Request) -> Caller:
    """Who is asking; raises Unauthenticated, Refused, Unreachable."""
    parts, header = parts_of(request), request.headers.get("authorization")
    if header is None and parts.login is not None:
        starts = request.method not in ("GET", "HEAD") or request.scope.get("hubkiln.starts", False)
        token = session_token(request, parts.signer, starts=starts)
        header = f"token {token}" if token else None
    caller = await authenticate(parts.auth, header)
    request.scope["hubkiln.user"] = caller.owner
    return caller


async def hub_of(request: Request) -> Caller:
    """The hub itself; raises Refused for everybody else."""
    caller = await caller_of(request)
    if not caller.hub:
        raise Refused("Only the hub may ask this.")
    return caller


PartsOf = Annotated[Parts, Depends(parts_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]
HubOf = Annotated[Caller, Depends(hub_of)]


def check_may_build(parts: Parts, caller: Caller) -> None:
    """
    Raises:
        Refused: the admin lets only those with a certain scope build, and `caller` has it not.
    """
    scope = parts.settings.build_scope
    if scope and not caller.admin and scope not in caller.scopes:
        raise Refused("You may not build here.", hint=f"It needs the scope {scope}, which an admin's role gives.")


async def check_rules(parts: Parts, spec: Spec, owner: str = "") -> None:
    """
    See that nothing which is known of `spec` before it is looked up is forbidden; without `owner` to nobody.

    Raises:
        Refused: it is; the message says why.
    """
    asked = asked_of(BuildRequest(spec=spec), owner)
    if host := host_of(parts.offer.kinds, spec):
        asked[RuleKind.HOST] = host
    if not owner:
        del asked[RuleKind.USER]
    await parts.jobs.rules.check(asked)


def only_looks(request: Request) -> None:
    """Say that `request` changes nothing, though it is a POST: what it asks about is too long for an address."""
    request.scope["hubkiln.looks"] = True


def check_admin(caller: Caller) -> None:
    """
    Raises:
        Refused: `caller` is no admin.
    """
    if not caller.admin:
        raise Refused("Only admins may do this.")


async def readable(parts: Parts, id: str, caller: Caller) -> Record:
    """
    The record of a build that `caller` may read.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    record = await parts.jobs.record(id)
    private = bool(record.request.spec.reader)
    mine = caller.owner in record.users or (caller.admin and not private)
    if not mine or (private and not await parts.private.may_read(record.request.spec)):
        raise NotFound("There is no such build.")
    return record


async def until(event: asyncio.Event, seconds: float) -> None:
    """Wait for `event`, at most so many `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
