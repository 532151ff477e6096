"""Logging in with the hub, for pages: OAuth, and a session that is the hub's own token in a cookie.

Whatever starts work and comes with the cookie must show that a page of ours sent it: the header ``X-Xsrftoken`` with
what the cookie ``_xsrf`` holds, which BinderHub's client sends, too.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import httpx
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubkiln.errors import Refused, Unreachable
from hubkiln.signing import Signer

SESSION, XSRF, STATE = "hubkiln-session", "_xsrf", "hubkiln-login"
"""Names of our cookies; all are for our own prefix alone."""

LOGIN_SECONDS = 900
"""How long a login may take."""

SESSION_SECONDS = 7 * 24 * 3600
"""The hub ends it earlier, or later takes the token for nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLogin:
    """The hub's OAuth, as the service `client` below `prefix`."""

    api_url: str
    client: str
    secret: str = field(repr=False)
    prefix: str
    signer: Signer

    def redirect(self, request: Request, origin: str, back: str) -> Response:
        """To the hub's login, which comes back to the path and query `back`."""
        nonce = secrets.token_urlsafe(16)
        state = self.signer.sign("login", json.dumps([nonce, back]), LOGIN_SECONDS)
        hub = self.prefix[: self.prefix.rindex("services/")] + "hub/"
        query = urlencode(
            {
                "client_id": self.client,
                "redirect_uri": f"{self.prefix}oauth_callback",
                "response_type": "code",
                "state": state,
            }
        )
        answer = RedirectResponse(f"{hub}api/oauth2/authorize?{query}", 302)
        self._set(answer, STATE, nonce, origin, LOGIN_SECONDS)
        return answer

    async def finish(self, request: Request, origin: str) -> Response:
        """
        The way back: a session, and the page that the login began at.

        Raises:
            Refused: this login did not begin here; Unreachable.
        """
        known = self.signer.read("login", request.query_params.get("state", ""))
        nonce, back = json.loads(known) if known else ("", "")
        if not nonce or not hmac.compare_digest(nonce.encode(), request.cookies.get(STATE, "").encode()):
            raise Refused("This login did not begin here, or took too long.", hint="Follow the link again.")
        token = await self._token(request.query_params.get("code", ""))
        answer = RedirectResponse(back, 302)
        self._set(answer, SESSION, token, origin, SESSION_SECONDS)
        self._set(answer, XSRF, self.signer.mark(XSRF, token), origin, SESSION_SECONDS, readable=True)
        answer.delete_cookie(STATE, path=self.prefix)
        return answer

    async def _token(self, code: str) -> str:
        form = {
            "client_id": self.client,
            "client_secret": self.secret,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self.prefix}oauth_callback",
        }
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
                answer = await client.post(f"{self.api_url.rstrip('/')}/oauth2/token", data=form)
        except httpx.HTTPError as error:
            raise Unreachable("JupyterHub does not answer.", hint="Follow the link again in a minute.") from error
        if not answer.is_success:
            raise Refused("JupyterHub does not know this login.", hint="Follow the link again.")
        return str(answer.json()["access_token"])

    def _set(
        self, answer: Response, name: str, value: str, origin: str, seconds: int, *, readable: bool = False
    ) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=self.prefix,
            secure=origin.startswith("https:"),
            httponly=not readable,
            samesite="lax",
        )


def session_token(request: Request, signer: Signer, *, starts: bool) -> str | None:
    """
    The token of the session that a request comes with; None if with none.

    Raises:
        Refused: it `starts` something, and no page of ours sent it.
    """
    token = request.cookies.get(SESSION)
    if not token:
        return None
    if starts and not hmac.compare_digest(
        request.headers.get("x-xsrftoken", "").encode(), signer.mark(XSRF, token).encode()
    ):
        raise Refused("This request was not sent by a page of this service.", hint="Reload the page.")
    return token


def path_of(request: Request) -> str:
    """Path and query of a request as they were sent."""
    path = quote(request.scope["raw_path"].partition(b"?")[0], safe="/%:@!$&'()*+,;=~")
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{path}?{query}" if query else path
