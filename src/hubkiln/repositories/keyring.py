"""Tokens that users store for their own private repositories: encrypted with the admin's key, one file a user.

Nobody gets a token back: it is used for its owner's builds alone, and only its host is ever told.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.errors import BadSpec, ServiceError, Unsupported
from hubkiln.keys import short_digest

Tokens = Callable[[str], Awaitable[Mapping[str, str]]]
"""The tokens of a user, by host."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_MOST_HOSTS = 20
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Keyring:
    """The tokens of all users, in `folder`; without a `key` none can be stored."""

    folder: Path
    key: str = field(default="", repr=False)

    async def tokens(self, user: str) -> Mapping[str, str]:
        """The tokens of `user` by host; raises ServiceError: they were stored with another key."""
        return await asyncio.to_thread(self._read, user) if self.key else {}

    async def hosts(self, user: str) -> list[str]:
        """For which hosts `user` has stored one."""
        return sorted(await self.tokens(user))

    async def store(self, user: str, host: str, token: str) -> None:
        """
        Keep `token` for `host`, in place of one that is there.

        Raises:
            BadSpec: no host or no token. Unsupported: the admin has set no key.
        """
        if not self.key:
            raise Unsupported(
                "Tokens cannot be stored here.", hint="An admin has to set `credential_key`; nothing was kept."
            )
        if not _HOST.fullmatch(host := host.strip().lower()):
            raise BadSpec("That is not the name of a host.", hint="Write it like github.com.")
        token = token.strip()
        if not token or len(token) > _LONGEST or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise BadSpec("That is not a token.", hint="Copy it again from where it was made.")
        kept = dict(await self.tokens(user)) | {host: token}
        if len(kept) > _MOST_HOSTS:
            raise BadSpec("You have stored tokens for too many hosts.", hint="Remove one first.")
        await asyncio.to_thread(self._write, user, kept)

    async def remove(self, user: str, host: str) -> None:
        """Forget the token for `host`, if there is one."""
        kept = dict(await self.tokens(user))
        if kept.pop(host.lower(), None) is not None:
            await asyncio.to_thread(self._write, user, kept)

    def _place(self, user: str) -> Path:
        return self.folder / short_digest(["credentials", user])

    def _read(self, user: str) -> Mapping[str, str]:
        from cryptography.fernet import Fernet, InvalidToken

        try:
            encrypted = self._place(user).read_bytes()
        except FileNotFoundError:
            return {}
        try:
            document = json.loads(Fernet(self.key).decrypt(encrypted))
        except (InvalidToken, ValueError) as error:
            raise ServiceError(
                "Stored tokens cannot be read: the key is another one.",
                hint="An admin has to set `credential_key` as it was; or store the tokens again.",
            ) from error
        return dict(document["tokens"]) if document.get("user") == user else {}

    def _write(self, user: str, tokens: Mapping[str, str]) -> None:
        from cryptography.fernet import Fernet

        place = self._place(user)
        if not tokens:
            place.unlink(missing_ok=True)
            return
        encrypted = Fernet(self.key).encrypt(json.dumps({"user": user, "tokens": dict(tokens)}).encode())
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = place.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(encrypted)
        new.replace(place)


def check_key(key: str) -> str:
    """
    `key` if tokens can be encrypted with it.

    Raises:
        BadSpec: it is none.
    """
    from cryptography.fernet import Fernet

    try:
        Fernet(key)
    except ValueError as error:
        raise BadSpec(
            "credential_key holds no key.",
            hint="Make one with `Fernet.generate_key()` of Python's cryptography package.",
        ) from error
    return key


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
        if len(words) != 2 or not _HOST.fullmatch(words[0].lower()):
            raise BadSpec(
                f"Line {number} of {path} is no host with its token.", hint="Write it like `github.com TOKEN`."
            )
        found[words[0].lower()] = words[1]
    return found
