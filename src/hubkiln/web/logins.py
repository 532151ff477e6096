"""Asks the hub for the tokens with which users logged in at a forge, when one of their own builds needs one.

They are in ``auth_state``, which the hub encrypts and shows to services with the scope ``admin:auth_state``. Here they
are in memory for a minute and nowhere else.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from hubkiln.errors import Refused, Unreachable
from hubkiln.repositories import LoginHost, tokens_in

log = logging.getLogger(__name__)

SCOPE = "admin:auth_state"

KEPT_SECONDS = 60
"""How long an answer of the hub is used again."""

_MOST = 10_000
_NO_NAMES = (".", "..")
"""In an address they name something else than a user."""


class HubLogins:
    """The logins of the hub at `api_url`, of which tokens for `hosts` are read."""

    def __init__(
        self,
        api_url: str,
        api_token: str,
        hosts: tuple[LoginHost, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api_url, self._api_token, self._hosts, self._clock = api_url.rstrip("/"), api_token, hosts, clock
        self._known: OrderedDict[str, tuple[float, dict[str, str]]] = OrderedDict()

    async def tokens(self, user: str) -> Mapping[str, str]:
        """
        The tokens of `user` by host; none for services, and for whoever logged in elsewhere.

        Raises:
            Unreachable: the hub does not answer.
        """
        if not self._hosts or not user or "/" in user or user in _NO_NAMES:
            return {}
        until, tokens = self._known.get(user, (0.0, {}))
        if until > self._clock():
            return tokens
        model = await self._ask(f"users/{quote(user, safe='@~')}")
        tokens = tokens_in(model.get("auth_state"), self._hosts)
        self._known[user] = (self._clock() + KEPT_SECONDS, tokens)
        self._known.move_to_end(user)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return tokens

    async def check(self) -> None:
        """
        See that the hub would tell.

        Raises:
            Refused: this service's role has not the scope. Unreachable: the hub does not answer.
        """
        if SCOPE not in ((await self._ask("user")).get("scopes") or ()):
            raise Refused(f"The service has not the scope {SCOPE}, so users' logins open no private repositories.")

    async def _ask(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"token {self._api_token}"}
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
                answer = await client.get(f"{self._api_url}/{path}", headers=headers)
                if answer.status_code in (403, 404):
                    values = {"action": "login_tokens", "status": answer.status_code}
                    log.warning("the hub does not tell of a login", extra=values)
                    return {}
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(
                "JupyterHub does not answer, so nobody's login can be used.", hint="Try again in a minute."
            ) from error
        return found
