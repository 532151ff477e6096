"""What a token of a host's is, and how an admin writes tokens and the keys that encrypt those of users."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubkiln.errors import BadSpec
from hubkiln.values import Spec

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

Tokens = Callable[[str], Awaitable[Mapping[str, str]]]
"""The tokens of a user, by host."""

Lent = Callable[[Spec], Awaitable[Mapping[str, str]]]
"""Tokens for one repository, by host, that are an admin's and for whoever builds it."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class LoginHost:
    """A host at which users of the hub log in."""

    host: str
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


def is_host(text: str) -> bool:
    """Whether `text` is the name of a host, in small letters."""
    return _HOST.fullmatch(text) is not None


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
    An admin's own tokens: a line for each host, ``git.example.org TOKEN``.

    Raises:
        BadSpec: a line is otherwise; the token is not repeated.
    """
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not is_host(words[0].lower()):
            raise BadSpec(
                f"Line {number} of {path} is no host with its token.", hint="Write it like `github.com TOKEN`."
            )
        found[words[0].lower()] = words[1]
    return found
