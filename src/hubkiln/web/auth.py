"""Who is asking: Hub tokens, checked with the Hub and remembered for a minute.

A user's token must carry the scope to use this service. The service's own token is the hub itself: only its plugin
and this process have it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hubkiln.errors import Refused, Unauthenticated, Unreachable

_HEADER = re.compile(r"(?:bearer|token)\s+(\S+)\s*", re.IGNORECASE)

CACHE_SECONDS = 60
"""How long the Hub's answer is used again; a revoked token may work for so long."""

MOST_KNOWN = 4096
"""Answers of which it is remembered whom they speak of."""


class Kind(StrEnum):
    """Whose a token is: a user and a service may have the same name."""

    USER = "user"
    SERVICE = "service"
    VISITOR = "visitor"
    """Nobody's: who comes without a login, where an admin lets everybody launch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request."""

    name: str
    """Name of the Hub's user or service; for the hub itself our own service's."""
    kind: Kind = Kind.USER
    admin: bool = False
    hub: bool = False
    """True for the hub itself."""
    groups: tuple[str, ...] = ()
    """The hub's groups that a user is in."""
    scopes: frozenset[str] = field(default=frozenset(), compare=False)
    """What the token may do, as the hub says it."""

    @property
    def owner(self) -> str:
        """Under what builds and environments of this caller are kept; see :func:`owner_of`."""
        return owner_of(self.kind, self.name)


def owner_of(kind: Kind, name: str) -> str:
    """
    One text for a kind and a name, different for different ones.

    A user's is the name itself, as it was before kinds were told apart; it cannot have a slash in JupyterHub.
    """
    return name if kind is Kind.USER and "/" not in name else f"{kind}/{name}"


class Auth(Protocol):
    """Tells who owns a token."""

    async def caller(self, token: str) -> Caller | None:
        """
        The owner of `token`, or None if nobody is.

        Raises:
            Refused: the token is good but not for this service; Unreachable: the Hub does not answer.
        """


class HubTokens:
    """Tokens of the JupyterHub at `api_url`, which knows us as `service` by our own `api_token`."""

    def __init__(self, *, api_url: str, api_token: str, service: str = "binder") -> None:
        from jupyterhub.services.auth import HubAuth

        self._service, self._own = service, api_token
        self._hub = HubAuth(
            api_url=api_url,
            api_token=api_token,
            access_scopes={f"access:services!service={service}"},
            cache_max_age=CACHE_SECONDS,
        )
        self._known: dict[int, tuple[dict[str, object], Caller]] = {}

    async def caller(self, token: str) -> Caller | None:
        """See :class:`Auth`."""
        if self._own and hmac.compare_digest(token.encode(), self._own.encode()):
            return Caller(name=self._service, kind=Kind.SERVICE, admin=True, hub=True)
        model = await self._ask(token)
        if model is None:
            return None
        known = self._known.get(id(model))
        if known is None or known[0] is not model:  # the Hub was asked anew
            known = (model, self._read(model))
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[id(model)] = known
        return known[1]

    def _read(self, model: dict[str, object]) -> Caller:
        if not self._hub.check_scopes(self._hub.access_scopes, model):
            raise Refused(
                "This token may not use the build service.",
                hint=f"It needs the scope access:services!service={self._service}.",
            )
        kind = next((kind for kind in (Kind.USER, Kind.SERVICE) if kind == model.get("kind")), None)
        if kind is None:
            raise Refused("Only users and services may use the build service.")
        return Caller(
            name=str(model["name"]),
            kind=kind,
            admin=bool(model.get("admin")),
            groups=_texts(model.get("groups")),
            scopes=frozenset(_texts(model.get("scopes"))),
        )

    async def check_hub(self) -> None:
        """Raise Unreachable where the Hub does not answer."""
        import httpx

        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
                (await client.get(f"{self._hub.api_url.rstrip('/')}/")).raise_for_status()
        except httpx.HTTPError as error:
            raise Unreachable("JupyterHub does not answer.") from error

    async def _ask(self, token: str) -> dict[str, object] | None:
        from tornado.web import HTTPError

        try:
            model: dict[str, object] | None = await self._hub.user_for_token(token, sync=False)
        except HTTPError as error:
            raise Unreachable(
                "JupyterHub does not answer, so nobody can be recognised.", hint="Try again in a minute."
            ) from error
        return model


def _texts(given: object) -> tuple[str, ...]:
    return tuple(str(one) for one in given) if isinstance(given, list) else ()


def token_in(header: str | None) -> str | None:
    """The token of an ``Authorization`` header (``Bearer`` or ``token``), if it has one."""
    match = _HEADER.fullmatch(header or "")
    return match[1] if match else None


async def authenticate(auth: Auth, header: str | None) -> Caller:
    """
    Who sent a request with this ``Authorization`` header.

    Raises:
        Unauthenticated, Refused, Unreachable.
    """
    token = token_in(header)
    caller = await auth.caller(token) if token else None
    if caller is None:
        raise Unauthenticated(
            "You are not logged in, or the token has expired.", hint="Reload the page, or send a Hub token."
        )
    return caller
