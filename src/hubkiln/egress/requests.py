"""Requests to an HTTP proxy, one for each connection: h11 reads them, and what does not mean one thing is refused."""

from __future__ import annotations

import asyncio
import base64
import re
import urllib.request
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import h11

from hubkiln.egress.guard import proxied

_HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")
_OF_THE_CONNECTION = frozenset(
    ("connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "upgrade", "host")
)


class Bad(Exception):
    """Answered with `status` and the message."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Upstream:
    """The proxy that this machine itself needs."""

    host: str
    port: int
    authorization: str
    """``Basic …``; empty without a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client wants."""

    method: str
    host: str
    """Lower case."""
    port: int
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Without those that are for the connection alone."""
    body_bytes: int = 0

    @property
    def tunnel(self) -> bool:
        """Whether bytes are to be carried, whatever they mean."""
        return self.method == "CONNECT"

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def forwarded(self, upstream: Upstream | None) -> bytes:
        """The head to send on; to a server, or to `upstream`."""
        target = self.authority if self.tunnel else self.path
        if upstream is not None and not self.tunnel:
            target = f"http://{self.authority}{self.path}"
        named = self.authority if self.tunnel or self.port != 80 else self.authority.removesuffix(":80")
        lines = [f"{self.method} {target} HTTP/1.1", f"Host: {named}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if upstream is not None and upstream.authorization:
            lines.append(f"Proxy-Authorization: {upstream.authorization}")
        if not self.tunnel:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def read_request(reader: asyncio.StreamReader) -> Request:
    """
    The head of a request.

    Raises:
        Bad: it makes no sense, or is too long.
        asyncio.IncompleteReadError: the client went away.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise Bad(431, "The request is too long") from error
    asked = _parsed(head)
    method, headers = asked.method.decode(), [(n.decode(), v.decode("latin-1")) for n, v in asked.headers.raw_items()]
    host, port, path = _target(method, asked.target.decode())
    return Request(
        method=method,
        host=host,
        port=port,
        path=path,
        headers=() if method == "CONNECT" else tuple(h for h in headers if h[0].lower() not in _OF_THE_CONNECTION),
        body_bytes=_body(headers),
    )


def _parsed(head: bytes) -> h11.Request:
    """What h11 makes of `head`; versions, methods and line ends that it forgives and nobody sends are refused."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(head))
    connection.receive_data(head)
    try:
        asked = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise Bad(error.error_status_hint, "The request makes no sense") from error
    known = isinstance(asked, h11.Request) and asked.http_version in (b"1.0", b"1.1") and asked.method.isupper()
    if not isinstance(asked, h11.Request) or not known or re.search(rb"(?<!\r)\n", head):
        raise Bad(400, "This is a proxy for HTTP")
    return asked


def upstream_for(request: Request) -> Upstream | None:
    """
    The proxy that this machine uses for `request`, if any.

    Raises:
        Bad: one that we cannot speak to.
    """
    scheme = "https" if request.tunnel else "http"
    if not proxied(scheme, request.host):
        return None
    proxies = urllib.request.getproxies()
    found = urlsplit(proxies.get(scheme) or proxies["all"])
    if found.scheme != "http" or found.hostname is None:
        raise Bad(502, "This machine's own proxy is not one for HTTP")
    named = f"{unquote(found.username or '')}:{unquote(found.password or '')}"
    given = f"Basic {base64.b64encode(named.encode()).decode()}" if found.username else ""
    return Upstream(found.hostname, found.port or 80, given)


def _target(method: str, target: str) -> tuple[str, int, str]:
    tunnel = method == "CONNECT"
    try:
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or (None if tunnel else 80)
    except ValueError as error:
        raise Bad(400, "The address makes no sense") from error
    if not _HOST.fullmatch(host) or port is None or "@" in parts.netloc or (not tunnel and parts.scheme != "http"):
        raise Bad(400, "Only CONNECT and http:// addresses are understood")
    if tunnel and (parts.path or parts.query or parts.fragment):
        raise Bad(400, "The address makes no sense")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host.rstrip("."), port, path


def _body(headers: list[tuple[str, str]]) -> int:
    named = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in named:
        raise Bad(501, "Only requests with a known length are passed on")
    return int(named.get("content-length", 0))
