"""Requests to registries: guarded hosts, credentials, redirects, one attempt or several.

Every host is checked before anything is sent to it (the registry, a redirect's target, a token service), and the
address that was checked is the one connected to. Credentials go to the registry alone: never along a redirect to
somebody else's storage, nor to another host that it names for an upload.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from hubkiln.egress import PinnedTransport, joined, pieces_of
from hubkiln.errors import Unreachable
from hubkiln.images import failures
from hubkiln.images.auth import Authorizer, Want
from hubkiln.images.credentials import Credentials
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.names import HUB, ImageName, is_loopback
from hubkiln.images.retrying import Again, Backoff

Body = bytes | Callable[[], AsyncGenerator[bytes]]
"""A request's body, to be sent anew at each attempt."""

Allowed = Callable[[str, str, int], Awaitable[str | None]]
"""
The address to connect to for a scheme, host and port, or None where a proxy connects for us; raises Refused for a
host that may not be asked.
"""

_MAX_BODY = 4 * 1024**2  # what registries must accept as a manifest, and all that we ever hold in memory
_REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    method: str
    url: str
    want: Want
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, small response."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str


class Session:
    """HTTP to registries; shared by everything one client does."""

    def __init__(
        self,
        settings: RegistrySettings,
        credentials: Credentials,
        allowed: Allowed | None,
        backoff: Backoff,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._allowed = allowed
        self.backoff = backoff
        self._authorizer = Authorizer(credentials, self._fetch_token, settings.token_hosts)
        self._transport = transport
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}
        self._addresses: dict[tuple[str, int], str] = {}

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()

    def url(self, name: ImageName, rest: str) -> str:
        """``https://host/v2/path/rest``; plain HTTP for this machine's own registries."""
        return f"{self._home(name)}/v2/{name.path}/{rest}"

    def _home(self, name: ImageName) -> str:
        host = "registry-1.docker.io" if name.host == HUB else name.host
        return f"{self._scheme(host)}://{host}"

    async def ask(self, ask: Ask) -> Answer:
        """
        The response, after as many attempts as make sense; any status but those that may pass (429, 5xx).

        Raises:
            Unreachable: the last attempt failed too.
            Refused: the host may not be asked.
        """

        async def once() -> Answer:
            async with self.open(ask) as response:
                body = await read_small(response)  # of a HEAD too: only a connection read to its end is used again
                return Answer(response.status_code, response.headers, body, str(response.url))

        return await self.backoff.run(once)

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[httpx.Response]:
        """
        One attempt, its body not yet read.

        Raises:
            Again: this attempt failed in a way that may pass, also while the body is read inside the `with`.
        """
        host = urlsplit(ask.url).netloc
        try:
            response = await self._let_in(ask)
            try:
                failures.raise_if_passing(response, host)
                yield response
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise failures.from_transport(error, host) from error
        except (httpx.InvalidURL, httpx.StreamError, httpx.DecodingError) as error:
            raise Unreachable(f"The registry {host} sent an answer that makes no sense.") from error

    async def _let_in(self, ask: Ask) -> httpx.Response:
        home = _origin(self._home(ask.want.name))
        header = await self._authorizer.header(ask.want) if _origin(ask.url) == home else None
        response = await self._follow(ask, header)
        if response.status_code == 401 and _origin(str(response.url)) == home:
            asked = ", ".join(response.headers.get_list("WWW-Authenticate"))
            try:
                better = await self._authorizer.answer(ask.want, asked, header)
            except BaseException:
                await response.aclose()
                raise
            if better is not None:
                await response.aclose()
                response = await self._follow(ask, better)
        return response

    async def _follow(self, ask: Ask, authorization: str | None) -> httpx.Response:
        """Send, and follow redirects of reads; what a write is told to do elsewhere is not ours to guess."""
        home = _origin(self._home(ask.want.name))
        url = ask.url
        if home[0] == "https" and _origin(url)[0] != "https":
            raise Unreachable(f"{ask.want.name.host} sends us on to an address without encryption.")
        for _ in range(_REDIRECTS):
            ours = authorization is not None and _origin(url) == home
            response = await self._send(ask, url, {"Authorization": authorization} if ours and authorization else {})
            location = response.headers.get("Location", "")
            if ask.method not in ("GET", "HEAD") or not response.is_redirect or not location:
                return response
            await response.aclose()
            target = joined(url, location)
            if urlsplit(target).scheme != "https" and urlsplit(url).scheme == "https":
                raise Unreachable(f"{urlsplit(url).netloc} sends us on to an address without encryption.")
            url = target
        raise Unreachable(f"{urlsplit(ask.url).netloc} sends us round in circles.")

    async def _send(self, ask: Ask, url: str, extra: Mapping[str, str]) -> httpx.Response:
        pinned = await self._check(url)
        headers = {"Accept-Encoding": "identity", **ask.headers, **extra}
        client = self._client(url, pinned=pinned)
        async with _content(ask.body) as content:
            request = client.build_request(ask.method, url, headers=headers, content=content)
            return await client.send(request, stream=True, follow_redirects=False)

    def _client(self, url: str, *, pinned: bool) -> httpx.AsyncClient:
        """The one for `url`: reading all certificate authorities takes long, so it is done when one is needed."""
        secure = urlsplit(url).scheme != "http"
        if (secure, pinned) not in self._clients:
            at_once, seconds = self._settings.at_once, self._settings.read_seconds
            verify = _tls(self._settings) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=at_once * 2)
            own = PinnedTransport(self._addresses, verify, limits) if pinned else None
            self._clients[secure, pinned] = httpx.AsyncClient(
                verify=verify,
                timeout=httpx.Timeout(seconds, connect=self._settings.connect_seconds, pool=None),
                limits=limits,
                transport=self._transport or own,
                headers={"User-Agent": "hubkiln"},
            )
        return self._clients[secure, pinned]

    async def _check(self, url: str) -> bool:
        """Whether to connect to an address that was found for `url` just now."""
        if self._allowed is None:
            return False
        parts = httpx.URL(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        address = await self._allowed(parts.scheme, parts.host, port)
        if address is not None:
            self._addresses[parts.raw_host.decode().lower(), port] = address
        return address is not None

    async def _fetch_token(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        client = self._client(url, pinned=await self._check(url))
        request = client.build_request(method, url, headers=dict(headers), content=body)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            failures.raise_if_passing(response, urlsplit(url).netloc)
            return response.status_code, await read_small(response)
        finally:
            await response.aclose()

    def _scheme(self, host: str) -> str:
        plain = host in self._settings.plain_http or (is_loopback(host) and host not in self._settings.tls_on_loopback)
        return "http" if plain else "https"


@asynccontextmanager
async def _content(body: Body) -> AsyncIterator[bytes | AsyncIterator[bytes]]:
    """What is sent; what it is read from is closed at the end, however far the host has read."""
    if isinstance(body, bytes):
        yield body
        return
    async with aclosing(body()) as pieces:
        yield pieces


async def read_small(response: httpx.Response, limit: int = _MAX_BODY) -> bytes:
    """
    A response's body.

    Raises:
        Again: it ends before its end or is larger than `limit`.
    """
    data = bytearray()
    async for chunk in pieces_of(response):
        data += chunk
        if len(data) > limit:
            raise Again(Unreachable(f"{response.url.host} sent more than {limit} bytes where a document was expected."))
    return bytes(data)


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port as the one who connects understands them."""
    parts = httpx.URL(url)
    return parts.scheme, parts.raw_host.decode().lower(), parts.port


def _tls(settings: RegistrySettings) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if settings.certificates is not None:
        context.load_verify_locations(settings.certificates)
    return context
