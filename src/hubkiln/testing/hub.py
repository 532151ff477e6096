"""Stand-ins for JupyterHub: one that answers in memory, and one that answers over HTTP as the Hub's API does."""

from __future__ import annotations

import json
from asyncio import StreamReader, StreamWriter

from hubkiln.errors import Refused, Unreachable
from hubkiln.testing.loopback import Loopback
from hubkiln.web import Caller, Kind

SCOPE = "access:services!service=binder"


class FakeAuth:
    """
    Knows callers by their tokens.

    Without arguments: ``ada``, ``grace``, ``root`` (an admin) and ``hub`` (the hub itself), each its own token.
    The token ``narrow`` lacks the scope; with ``down=True`` the Hub does not answer.
    """

    def __init__(self, callers: dict[str, Caller] | None = None, *, down: bool = False) -> None:
        self.callers = callers or {
            "ada": Caller(name="ada"),
            "grace": Caller(name="grace"),
            "root": Caller(name="root", admin=True),
            "hub": Caller(name="binder", kind=Kind.SERVICE, admin=True, hub=True),
        }
        self.down = down

    async def caller(self, token: str) -> Caller | None:
        """See :class:`hubkiln.web.auth.Auth`."""
        if self.down:
            raise Unreachable("JupyterHub does not answer.")
        if token == "narrow":
            raise Refused("This token may not use the build service.")
        return self.callers.get(token)


class FakeHub:
    """
    A real HTTP server on loopback that answers ``GET /hub/api/user``; use as an asynchronous context manager.

    `users` maps a token to what the Hub knows of it: ``{"name": …, "scopes": […], "admin": …}``; `states` users to
    their ``auth_state``, which ``GET /hub/api/users/NAME`` tells whoever has the scope for it. While it is `broken`, it
    answers 500, or with that number.
    """

    def __init__(
        self,
        users: dict[str, dict[str, object]] | None = None,
        states: dict[str, dict[str, object]] | None = None,
        *,
        broken: bool | int = False,
    ) -> None:
        self.states = states or {}
        self.users = users or {"ada-token": {"name": "ada", "kind": "user", "admin": False, "scopes": [SCOPE]}}
        self.broken = broken
        self.asked = 0
        """Requests so far."""
        self._listener = Loopback(self._serve)

    @property
    def api_url(self) -> str:
        """What ``JUPYTERHUB_API_URL`` would be."""
        return f"http://{self._listener.host}/hub/api"

    async def __aenter__(self) -> FakeHub:
        await self._listener.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listener.__aexit__()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, body = self._answer(request)
        text = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + text)
        await writer.drain()

    def _answer(self, request: str) -> tuple[int, object]:
        self.asked += 1
        line, *headers = request.split("\r\n")
        if self.broken:
            return 500 if self.broken is True else self.broken, {"message": "broken"}
        path = line.split(" ")[1].removeprefix("/hub/api/")
        if path != "user" and not path.startswith("users/"):
            return 404, {"message": "Not Found"}
        given = dict(header.split(": ", 1) for header in headers if ": " in header)
        token = {name.lower(): value for name, value in given.items()}.get("authorization", "").removeprefix("token ")
        user = self.users.get(token)
        if user is None:
            return 403, {"message": "Forbidden"}
        return (200, user) if path == "user" else self._user(path.removeprefix("users/"), user.get("scopes"))

    def _user(self, name: str, scopes: object) -> tuple[int, object]:
        if not isinstance(scopes, list) or name not in self.states:
            return 404, {"message": "Not Found"}
        shown = {"auth_state": self.states[name]} if "admin:auth_state" in scopes else {}
        return 200, {"kind": "user", "name": name} | shown
