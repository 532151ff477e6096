"""Logging in at the embedded hub: JupyterHub's shared password, with pauses for whoever guesses.

Wrong passwords are counted by address and by user name. A browser that has logged in before is known by a signed
cookie and counted by itself, so that somebody who guesses cannot keep people out of their own hub. Every pause ends
by itself, and asking during one does not make it longer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado.web import HTTPError

from hubkiln.up.pauses import Pauses, Rule

KNOWN = "hubkiln-known"
"""Name of the cookie of a browser that has logged in before; its value is the user's name, signed by the hub."""

_KNOWN_DAYS = 180
_BY_ADDRESS = Rule(free=5, longest_seconds=60)
_BY_USER = Rule(free=10, longest_seconds=30)
_BY_BROWSER = Rule(free=5, longest_seconds=60)


class TooManyAttempts(HTTPError):
    """Somebody must wait before the next attempt to log in."""

    def __init__(self, seconds: float) -> None:
        wait = math.ceil(seconds)
        self.jupyterhub_message = (
            f"Too many wrong passwords. Wait {wait} second{'s' if wait > 1 else ''}, then log in again."
        )
        super().__init__(429, self.jupyterhub_message)


class PacedPassword(SharedPasswordAuthenticator):  # type: ignore[misc]
    """One password for all, not to be guessed quickly."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pace()

    def pace(self, **how: Any) -> None:
        """Begin to count; `how` is :class:`Pauses`'."""
        self._by_address, self._by_user = Pauses(_BY_ADDRESS, **how), Pauses(_BY_USER, **how)
        self._by_browser = Pauses(_BY_BROWSER, **how)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """JupyterHub's, unless it is too soon; nothing is awaited between the look and the count."""
        user = self.normalize_username(data.get("username", ""))
        counted = self._counted(handler, user)
        if (seconds := max(pauses.left(name) for pauses, name in counted)) > 0:
            raise TooManyAttempts(seconds)
        for pauses, name in counted:
            pauses.wrong(name)  # until it turns out to be right: many at once are many
        given = {"username": data.get("username", ""), "password": _plain(data.get("password", ""))}
        found = await super().authenticate(handler, given)
        if found:
            for pauses, name in counted:
                pauses.right(name)
            self._remember(handler, user)
        return found

    def _counted(self, handler: Any, user: str) -> list[tuple[Pauses, str]]:
        """Where an attempt counts, and as what."""
        name = hashlib.sha256(user.encode(errors="replace")).hexdigest()
        known = handler.get_signed_cookie(KNOWN, max_age_days=_KNOWN_DAYS)
        if known is not None and known.decode(errors="replace") == name:
            return [(self._by_browser, name)]
        trusted = getattr(self.parent, "trusted_downstream_ips", None) or []
        return [(self._by_address, client_of(handler.request, trusted)), (self._by_user, name)]

    def _remember(self, handler: Any, user: str) -> None:
        name = hashlib.sha256(user.encode(errors="replace")).hexdigest()
        handler._set_cookie(KNOWN, name, expires_days=_KNOWN_DAYS, path=f"{handler.hub.base_url}login", samesite="Lax")


def client_of(request: Any, trusted: Collection[str]) -> str:
    """
    The address that an attempt comes from, as the hub's own proxy saw it; of IPv6, the network of one subscriber.

    Only what that proxy appended counts, and what `trusted` proxies before it did: anybody may send other headers.
    """
    seen = [text.strip() for text in request.headers.get("X-Forwarded-For", "").split(",") if text.strip()]
    text = next((one for one in reversed(seen) if one not in trusted), seen[0] if seen else "unknown")
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64)
    return str(address)


def _plain(password: str) -> str:
    """`password` as it may be compared: other letters than ASCII's are no part of any password here."""
    return password if password.isascii() else ""
