"""Around every request: its number, its size, its headers, its line in the log.

Plain ASGI, because wrappers that read the response would hold streams back.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubkiln.web.audit import CHANGE, Audit, NoAudit
from hubkiln.web.problems import problem
from hubkiln.web.tracing import NoTracing, Tracing

log = logging.getLogger("hubkiln.access")

LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})

PROBED = frozenset({"/health", "/live", "/ready", "/metrics"})
"""What is asked past the proxy, over and over, by a cluster and by Prometheus."""

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


_USUAL = [(name.lower().encode(), value.encode()) for name, value in {**SECURITY, "Cache-Control": "no-store"}.items()]
"""What an answer says that does not say otherwise; names as ASGI has them, in lower case."""


class BodyTooLarge(HTTPException):
    """More bytes came than are allowed; an HTTPException because FastAPI takes others for malformed JSON."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The request is larger than {limit // 1024} KiB.")


class Around:
    """Wraps `app`: bounds bodies, adds headers, answers what nobody caught, writes the access log."""

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int,
        larger: Mapping[str, int] | None = None,
        audit: Audit | None = None,
        tracing: Tracing | None = None,
        streams: re.Pattern[str] | None = None,
    ) -> None:
        """
        `larger` are bounds of their own, by the beginning of a path. What begins with `streams` has no head without a
        body: its answer would start work, or not end.
        """
        self._app, self._max_body_bytes, self._larger = app, max_body_bytes, larger or {}
        self._streams = streams
        self._audit, self._tracing = audit or NoAudit(), tracing or NoTracing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        method = scope["method"]
        if method == "HEAD" and not (self._streams and self._streams.match(scope["path"])):
            scope = {**scope, "method": "GET"}  # whose body the server leaves out
        own = (size for path, size in self._larger.items() if scope["path"].startswith(path))
        limit = max(self._max_body_bytes, *own, 0)
        exchange = _Exchange(scope, method, receive, send, limit)
        with self._tracing.request(method, Headers(scope=scope)) as values:
            try:
                await self._answered(scope, exchange, limit)
            finally:
                values |= exchange.values()

    async def _answered(self, scope: Scope, exchange: _Exchange, limit: int) -> None:
        try:
            if exchange.announced > limit:
                raise BodyTooLarge(limit)
            await self._app(scope, exchange.receive, exchange.send)
        except BodyTooLarge as error:
            await exchange.answer(413, "too_large", error.detail)
        except Exception:
            log.exception("request broke", extra={"action": "request_error", "request_id": exchange.id})
            await exchange.answer(500, "error", "Something went wrong in the build service itself.")
        finally:
            exchange.write_log()
            if changed := exchange.changed():
                self._audit.note(CHANGE, changed)


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, method: str, receive: Receive, send: Send, max_body_bytes: int) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self.id = given if re.fullmatch(r"[\w.-]{1,64}", given) else secrets.token_hex(8)
        length = headers.get("content-length", "")
        self.announced = int(length) if re.fullmatch(r"\d{1,18}", length) else 0
        self._scope, self._method, self._receive, self._send = scope, method, receive, send
        self._max_body_bytes = self._room = max_body_bytes
        self._status = 0
        self._begun = time.monotonic()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._room -= len(message.get("body", b""))
            if self._room < 0:
                raise BodyTooLarge(self._max_body_bytes)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [header for header in message.get("headers", ()) if header[0] != b"x-request-id"]
            given = {name for name, _ in headers}
            headers += (header for header in _USUAL if header[0] not in given)
            message["headers"] = [*headers, (b"x-request-id", self.id.encode())]
        await self._send(message)

    async def answer(self, status: int, code: str, message: str) -> None:
        """Answer with an error, unless an answer is under way."""
        if not self._status:
            hint = f"The request's number is {self.id}." if status == 500 else ""
            await problem(status, code, message, hint)(self._scope, self.receive, self.send)

    def write_log(self) -> None:
        """
        One line, with the path as it was sent but neither query nor headers: tokens may be in both.

        None of what a probe or Prometheus asks past the proxy every few seconds, where all is well.
        """
        if self._scope["path"] in PROBED and self._status == 200:
            return
        values = {
            "action": "request",
            "method": self._method,
            "path": _sent_path(self._scope),
            "status": self._status,
            "seconds": round(time.monotonic() - self._begun, 3),
            "user": self._scope.get("hubkiln.user", "-"),
            "request_id": self.id,
        }
        log.info("%(method)s %(path)s %(status)s %(seconds)ss %(user)s", values, extra=values)

    def values(self) -> dict[str, str | int]:
        """What a trace is told: how the request is called, never what was asked for."""
        route = getattr(self._scope.get("route"), "path", "")
        return {"http.response.status_code": self._status} | ({"http.route": route} if route else {})

    def changed(self) -> dict[str, object] | None:
        """What an audit is told: only requests that may have changed something, or started a build."""
        looks = self._method in LOOKING and not self._scope.get("hubkiln.starts", False)
        if looks or self._scope.get("hubkiln.looks", False):
            return None
        return {
            "actor": str(self._scope.get("hubkiln.user", "-")),
            "method": self._method,
            "path": str(self._scope["path"]),
            "status": self._status,
            "request_id": self.id,
        }


def _sent_path(scope: Scope) -> str:
    """With what was encoded in it: a line's end in a path begins no line of the log."""
    return bytes(scope["raw_path"]).partition(b"?")[0].decode("latin-1")
