"""One message to somebody else's server: its address is judged as those of repositories are, each time.

Nothing inside the network is asked unless an admin listed it, and redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

import httpx

from hubkiln.egress import Guard, PinnedTransport
from hubkiln.errors import Refused

SECONDS = 15.0
"""Longest answer."""

READ = 2000
"""Bytes of an answer that are read: what is wrong, if something is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent."""

    url: str
    body: bytes
    """JSON."""
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes back."""

    status: int
    said: str


async def post(message: Message, guard: Guard) -> Reply:
    """
    Send `message`.

    Raises:
        Refused: the address may not be asked; Unreachable; httpx.HTTPError, TimeoutError, ValueError.
    """
    parts = urlsplit(message.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    endpoint = await guard.check(parts.scheme, (parts.hostname or "").lower(), port)
    if parts.scheme != "https" and not endpoint.vouched:
        raise Refused("It may only be told over https.")
    transport = None
    if endpoint.ip is not None:
        limits = httpx.Limits(max_connections=1)
        transport = PinnedTransport({(endpoint.host, port): endpoint.ip}, _certificates(), limits)
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **message.headers}
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(transport=transport, trust_env=transport is None) as client,
        client.stream("POST", message.url, content=message.body, headers=headers) as answer,
    ):
        said = b""
        async for piece in answer.aiter_raw(READ):
            said = piece
            break
        return Reply(answer.status_code, said.decode(errors="replace"))


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()
