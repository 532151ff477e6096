"""HTTP over connections to addresses that were checked: names are not looked up again when connecting.

Encryption, the ``Host`` header and which connections are used again still go by the name.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx

Addresses = Mapping[tuple[str, int], str]
"""The address that was checked last for a host (lower case) and port."""


class _Pinned(httpcore.AnyIOBackend):
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to what was checked for `host`."""
        address = self._addresses.get((host.lower(), port))
        if address is None:
            raise httpcore.ConnectError(f"{host} was not checked")
        return await super().connect_tcp(address, port, timeout, local_address, socket_options)


class PinnedTransport(httpx.AsyncHTTPTransport):
    """Connects to `addresses` alone; knows no proxies."""

    def __init__(self, addresses: Addresses, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Pinned(addresses),
        )
