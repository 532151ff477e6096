"""Who comes to a BinderHub stream, and whether they may ask for a build: the order of BinderHub's own checks.

Everything that can be told in a header is known when the answer begins; the rest is the stream's first event.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.requests import Request

from hubkiln.builds import RuleKind
from hubkiln.errors import BadSpec, HubkilnError, Refused, Unauthenticated
from hubkiln.web.auth import Caller, Kind, token_in
from hubkiln.web.requests import Parts, caller_of
from hubkiln.web.spelled import split_path
from hubkiln.web.visitors import address_of, check, refuse_banned

BUILD_TOKEN = "build token"
"""Purpose of what our pages are given, so that their visitors do not count as strangers."""

STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request for a build, before it is looked at."""

    request: Request
    parts: Parts
    address: str
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer says of an allowance."""
    refusal: HubkilnError | None = None

    async def caller(self) -> Caller:
        """
        Who asks.

        Raises:
            UserError: they may not; Unreachable: the Hub does not answer.
        """
        if self.refusal is not None:
            raise self.refusal
        self.request.scope["hubkiln.starts"] = True
        if anonymous(self.request, self.parts):
            return Caller(name="", kind=Kind.VISITOR)
        try:
            return await caller_of(self.request)
        except Unauthenticated as error:
            raise Refused(
                "Forbidden: a Hub token is needed to build here.",
                hint="Send one as `Authorization: Bearer`; jupyterhub-fancy-profiles does from 0.6 on.",
            ) from error


async def arrival_of(request: Request, parts: Parts) -> Arrival:
    """What is known of a request without asking the hub; one of a stranger is counted."""
    settings = parts.settings
    address = address_of(request, settings.trusted_proxies)
    headers: dict[str, str] = {}
    try:
        await check_network(address, parts)
        if anonymous(request, parts):
            if STREAM not in request.headers.get("accept", "").lower():
                raise BadSpec(f"Missing Accept header: {STREAM}.")
            if not _from_our_page(request, parts):
                allowed = await parts.visits.count(address)
                headers = allowed.headers
                check(allowed, parts.visits.now())
    except HubkilnError as error:
        return Arrival(request, parts, address, headers, error)
    return Arrival(request, parts, address, headers)


async def check_network(address: str, parts: Parts) -> None:
    """
    See that builds may be asked for from `address`.

    Raises:
        Refused: its network is banned, by a setting or by a rule.
    """
    refuse_banned(address, parts.settings.banned_networks)
    await parts.jobs.rules.check({RuleKind.NETWORK: address})


def anonymous(request: Request, parts: Parts) -> bool:
    """Whether it comes without a login, and that is allowed here."""
    return parts.settings.launch == "everybody" and token_in(request.headers.get("authorization")) is None


def build_token(parts: Parts, spec: str) -> str:
    """A token for `spec` (``provider/rest``, as in the link), good for an hour, and no longer for a longer one."""
    return parts.signer.sign(BUILD_TOKEN, _short(spec), 3600)


def _short(spec: str) -> str:
    return hashlib.sha256(spec.encode(errors="replace")).hexdigest()


def _from_our_page(request: Request, parts: Parts) -> bool:
    """Whether a page of ours was shown for this spec; a token that is not good refuses, as BinderHub does."""
    token = request.query_params.get("build_token")
    if not token:
        return False
    spec = "/".join(split_path(request.scope["raw_path"], parts.prefix))
    if parts.signer.read(BUILD_TOKEN, token) != _short(spec):
        raise Refused("Invalid build token.", hint="Reload the page.")
    return True
