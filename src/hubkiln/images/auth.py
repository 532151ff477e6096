"""Being let in: a registry's challenge (``WWW-Authenticate``) becomes an ``Authorization`` header.

Registries answer 401 with either *Basic* or *Bearer realm, service, scope*. A bearer token is asked for at the realm,
for all scopes an operation needs at once (mounting a blob needs to pull from one repository and push to another),
and kept until shortly before it expires. Sending requests is :mod:`hubkiln.images.session`'s.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from hubkiln.errors import AccessDenied, Unreachable
from hubkiln.images.credentials import Credentials, Login
from hubkiln.images.documents import json_object
from hubkiln.images.names import ImageName, bare_host, is_loopback

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)(?=\s|,|\Z)(?!\s*=)")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_DEFAULT_SECONDS = 60  # what the token specification says when a server names no expiry
_LONGEST = 8192
"""Characters of a header that are read: strangers' registries write it."""
_CLIENT = "hubkiln"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a request needs to be allowed to do."""

    name: ImageName
    push: bool = False
    source: str | None = None
    """Another repository path of the same registry, to mount from."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Bearer scopes."""
        own = f"repository:{self.name.path}:{'pull,push' if self.push else 'pull'}"
        return (own, f"repository:{self.source}:pull") if self.source else (own,)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a registry offers."""

    scheme: str
    """Lower case."""
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Challenges of a ``WWW-Authenticate`` header, several joined by commas; what cannot be read is left out."""
    header = " ".join(header[:_LONGEST].split())
    found: list[Challenge] = []
    at = 0
    while scheme := _SCHEME.match(header, at):
        at = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            quoted, plain = parameter.group(2), parameter.group(3)
            parameters[parameter.group(1).lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        found.append(Challenge(scheme.group(1).lower(), parameters))
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until: float
    """Monotonic time."""


Fetch = Callable[[str, str, Mapping[str, str], bytes | None], Awaitable[tuple[int, bytes]]]
"""Method, URL, headers, body; status and body back. Guarded like any other request, never redirected."""


class Authorizer:
    """Remembers each registry's challenge and the tokens got for it."""

    def __init__(self, credentials: Credentials, fetch: Fetch, token_hosts: Collection[str] = ()) -> None:
        self._credentials = credentials
        self._fetch = fetch
        self._token_hosts = token_hosts
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[tuple[str, tuple[str, ...]], _Token] = {}
        self._locks: defaultdict[tuple[str, tuple[str, ...]], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def header(self, want: Want) -> str | None:
        """``Authorization`` for a request, or None while the registry has not asked for any."""
        challenge = self._challenges.get(want.name.host)
        return None if challenge is None else await self._header(challenge, want, refused=None)

    async def answer(self, want: Want, asked: str, refused: str | None) -> str | None:
        """``Authorization`` after a 401 that `asked` for it; None if we have nothing better than `refused`."""
        offered = {challenge.scheme: challenge for challenge in parse_challenges(asked)}
        challenge = offered.get("bearer") or offered.get("basic")
        if challenge is None:
            return None
        self._challenges[want.name.host] = challenge
        header = await self._header(challenge, want, refused=refused)
        return None if header == refused else header

    async def _header(self, challenge: Challenge, want: Want, *, refused: str | None) -> str | None:
        if challenge.scheme == "basic":
            login = await self._credentials.find(want.name)
            return login.basic if login else None
        key = (want.name.host, want.scopes)
        async with self._locks[key]:
            token = self._tokens.get(key)
            if token is None or token.until < time.monotonic() or f"Bearer {token.value}" == refused:
                token = self._tokens[key] = await self._new_token(challenge, want)
        return f"Bearer {token.value}"

    async def _new_token(self, challenge: Challenge, want: Want) -> _Token:
        realm = challenge.parameters.get("realm", "")
        _check_realm(realm, want.name)
        login = await self._credentials.find(want.name)
        hint = f"Check the credentials for {want.name.host}; `podman login {want.name.host}` stores new ones."
        if login and not takes_logins_of(realm, want.name.host, self._token_hosts):
            place = urlsplit(realm).hostname
            hint = f"It wants its password sent to {place}; an admin allows that with HUBKILN_TOKEN_HOSTS={place}."
            login = None
        status, body = await self._ask(realm, challenge.parameters.get("service", ""), want, login)
        if status in (400, 401, 403):
            raise AccessDenied(f"{want.name.host} does not let us into {want.name.path}.", hint=hint)
        return _read_token(status, body, want.name.host)

    async def _ask(self, realm: str, service: str, want: Want, login: Login | None) -> tuple[int, bytes]:
        if login and login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "service": service}
            body = urlencode(form | {"client_id": _CLIENT, "scope": " ".join(want.scopes)}).encode()
            return await self._fetch("POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, body)
        query = urlencode([("service", service), ("client_id", _CLIENT), *(("scope", scope) for scope in want.scopes)])
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"
        return await self._fetch("GET", url, {"Authorization": login.basic} if login else {}, None)


def takes_logins_of(realm: str, registry: str, token_hosts: Collection[str] = ()) -> bool:
    """
    Whether the token service `realm` may be sent the login of the host `registry`: on that host, below it, or below
    the domain that it stands in (`registry.example.org` and `auth.example.org`), or listed by the admin.
    """
    parts = urlsplit(realm)
    place, home = (parts.hostname or "").lower(), bare_host(registry).lower()
    if is_loopback(place) or is_loopback(home):
        return parts.netloc.lower() == registry.lower()  # another port of this machine may be anybody's
    domain = home.partition(".")[2]
    shared = domain if _is_domain(domain) else home
    return place in token_hosts or place in (home, shared) or place.endswith((f".{home}", f".{shared}"))


def _is_domain(text: str) -> bool:
    """Whether `text` is a name that one owner has: not ``org``, and not the likes of ``co.uk``."""
    *before, last = text.split(".")
    return bool(before) and not (len(before) == 1 and len(last) == 2 and len(before[0]) <= 3)


def _check_realm(realm: str, name: ImageName) -> None:
    try:
        parts = urlsplit(realm)
    except ValueError:
        parts = urlsplit("")
    plain = parts.scheme == "http" and is_loopback(parts.netloc) and is_loopback(name.host)
    if parts.scheme != "https" and not plain:
        raise AccessDenied(
            f"{name.host} sends us to an unsafe place to log in.", hint="Tell whoever runs the registry."
        )


def _read_token(status: int, body: bytes, host: str) -> _Token:
    try:
        answer = (json_object(body) if status == 200 else None) or {}
        value = answer.get("token") or answer.get("access_token")
        seconds = float(answer.get("expires_in") or _DEFAULT_SECONDS)
    except (ValueError, TypeError, OverflowError):
        value = None
    if not value or not isinstance(value, str) or not value.isprintable():
        raise Unreachable(f"The token service of {host} gave no token (status {status}).", hint="Try again later.")
    return _Token(value, time.monotonic() + seconds * 0.9)
