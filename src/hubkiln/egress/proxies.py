"""The proxies that this machine itself needs, as the environment names them."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from hubkiln.errors import ServiceError


def check_proxies(named: Mapping[str, str] | None = None) -> None:
    """
    Whether we can speak to each of `named`, a proxy by what it is for; without it, those of the environment.

    Raises:
        ServiceError: not to one of them.
    """
    for purpose, address in (urllib.request.getproxies() if named is None else named).items():
        if purpose in ("http", "https", "all") and address and not _speaks_http(address):
            raise ServiceError(
                f"{purpose.upper()}_PROXY names {_without_login(address)!r}, which is no proxy for HTTP.",
                hint="Name one as http://host:port, or remove the variable.",
            )


def _speaks_http(address: str) -> bool:
    try:
        found = urlsplit(address if "://" in address else f"http://{address}")
        return found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False


def _without_login(address: str) -> str:
    scheme, mark, rest = address.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
