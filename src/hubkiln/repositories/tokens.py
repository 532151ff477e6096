"""What a token of a host's is, and how an admin writes tokens and the keys that encrypt those of users.

A token is for one scheme, host and port: on another port of the same host somebody else may listen.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubkiln.errors import BadSpec
from hubkiln.values import Spec

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

Tokens = Callable[[str], Awaitable[Mapping[str, str]]]
"""The tokens of a user, by host or by place; see :func:`host_of` and :func:`read_place`."""

Lent = Callable[[Spec], Awaitable[Mapping[str, str]]]
"""Tokens for one repository, by host, that are an admin's and for whoever builds it."""

TokenFor = Callable[[str], str | None]
"""What opens an address, if anything."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_USUAL_PORTS = {"https": 443, "http": 80}
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST = 4000
_LONGEST_PLACE = 500


@dataclass(frozen=True, slots=True)
class LoginHost:
    """A host at which users of the hub log in."""

    host: str
    """As :func:`host_of` gives it."""
    path: tuple[str, ...] = ("access_token",)
    """Where in ``auth_state`` its token stands."""
    proof: str = ""
    """What must stand beside it, so that a login at another host is not taken for one at this; empty for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppKey:
    """Who an app of GitHub's is."""

    id: str
    """Its client ID, or the number that is its app ID."""
    key: str = field(repr=False)
    """Private key, PEM."""


def fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    """Encrypts with the first of `keys`, decrypts with each; raises ValueError: one is none."""
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key) for key in keys])


def host_of(url: str) -> str:
    """
    Under what a token for `url` lies: ``git.example.org``, ``git.example.org:8443``, ``http://git.example.org:3000``.

    What is usual is left out. Empty where nothing of HTTP is meant.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return ""
    if scheme not in _USUAL_PORTS or not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    shown += f":{port}" if port not in (None, _USUAL_PORTS[scheme]) else ""
    return shown if scheme == "https" else f"{scheme}://{shown}"


def read_host(text: str) -> str:
    """What a person writes for a host, as :func:`host_of` gives it; empty where it is none."""
    text = re.sub(r"^(https?):/+", r"\1://", text.strip().lower())  # some proxies make one slash of two
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    more = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
    return "" if more or not _HOST.fullmatch(host) else host_of(url)


def read_place(text: str) -> str:
    """
    A host, or one with the beginning of a path such as an owner: ``github.com``, ``github.com/org``.

    Empty where it is neither.
    """
    match = re.fullmatch(r"((?:[a-z]+:/+)?[^/]+)((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+){0,20})/?", text.strip(), re.I)
    host = read_host(match[1]) if match and len(text) <= _LONGEST_PLACE else ""
    return f"{host}{match[2].removesuffix('.git')}" if match and host else ""


def is_token(text: str) -> bool:
    """Whether `text` can be a token: printable, without spaces or ends of lines, and not too long."""
    return len(text) <= _LONGEST and _TOKEN.fullmatch(text) is not None


def check_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """
    `keys` if tokens can be encrypted with each.

    Raises:
        BadSpec: one is none; it is not repeated.
    """
    try:
        if keys:
            fernet_of(keys)
    except ValueError as error:
        raise BadSpec(
            "credential_key holds what is no key.",
            hint="Make one with `Fernet.generate_key()` of Python's cryptography package.",
        ) from error
    return keys


def read_tokens(path: Path) -> dict[str, str]:
    """
    An admin's own tokens: a line for each host, ``git.example.org TOKEN`` or ``git.example.org:8443 TOKEN``.

    Raises:
        BadSpec: a line is otherwise; the token is not repeated.
    """
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        host = read_host(words[0])
        if len(words) != 2 or not host:
            raise BadSpec(
                f"Line {number} of {path} is no host with its token.",
                hint="Write it like `github.com TOKEN`, and with its port where that is not the usual one.",
            )
        found[host] = words[1]
    return found
