"""Tokens that users store for their own private repositories: encrypted with the admin's key, one row a user.

They lie in the service's database, so that all replicas have them. Nobody gets a token back: it is used for its
owner's builds alone, and only its host is ever told.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import Database, credentials_table
from hubkiln.errors import BadSpec, ServiceError, Unsupported
from hubkiln.keys import digest
from hubkiln.repositories.tokens import fernet_of, is_token, read_place

STORING = 4860
"""Number of the lock that is held while a user's tokens are changed."""

_MOST_HOSTS = 20


@dataclass(frozen=True, slots=True)
class Keyring:
    """The tokens of all users, in `database`; without keys none can be stored. The first encrypts, all decrypt."""

    database: Database
    keys: tuple[str, ...] = field(default=(), repr=False)

    async def tokens(self, user: str) -> Mapping[str, str]:
        """The tokens of `user` by host; raises ServiceError: they were stored with another key."""
        if not self.keys:
            return {}
        async with self.database.reading() as connection:
            return await self._read(connection, user)

    async def hosts(self, user: str) -> list[str]:
        """For which hosts, and owners at hosts, `user` has stored one."""
        return sorted(await self.tokens(user))

    async def store(self, user: str, host: str, token: str) -> None:
        """
        Keep `token` for `host`, or for an owner there, in place of one that is there.

        Raises:
            BadSpec: no host or no token. Unsupported: the admin has set no key.
        """
        if not self.keys:
            raise Unsupported(
                "Tokens cannot be stored here.", hint="An admin has to set `credential_key`; nothing was kept."
            )
        if not (host := read_place(host)):
            raise BadSpec(
                "That is not the name of a host.",
                hint="Write it like github.com, github.com/org or git.example.org:8443.",
            )
        if not is_token(token := token.strip()):
            raise BadSpec("That is not a token.", hint="Copy it again from where it was made.")
        async with self._changing() as connection:
            kept = dict(await self._read(connection, user)) | {host: token}
            if len(kept) > _MOST_HOSTS:
                raise BadSpec("You have stored tokens for too many hosts.", hint="Remove one first.")
            await self._write(connection, user, kept)

    async def remove(self, user: str, host: str) -> None:
        """Forget the token for `host`, if there is one."""
        async with self._changing() as connection:
            kept = dict(await self._read(connection, user)) if self.keys else {}
            if kept.pop(read_place(host), None) is not None:
                await self._write(connection, user, kept)

    async def stored(self, connection: AsyncConnection, user: str) -> bool:
        """Whether `user` has stored any, which can be told without a key."""
        query = select(credentials_table.c.owner).where(credentials_table.c.owner == _row(user))
        return (await connection.execute(query)).first() is not None

    async def forget_all(self, connection: AsyncConnection, user: str) -> None:
        """Forget all of `user`'s, for which no key is needed."""
        await connection.execute(delete(credentials_table).where(credentials_table.c.owner == _row(user)))

    async def rename(self, connection: AsyncConnection, old: str, new: str) -> None:
        """
        The tokens of `old` are `new`'s, who keeps their own for the same hosts.

        Raises:
            ServiceError: there are some, and not the key that they are encrypted with.
        """
        if not await self.stored(connection, old):
            return
        if not self.keys:
            raise ServiceError(
                "Stored tokens cannot get another name without the key that they are encrypted with.",
                hint="Set `credential_key` as the service has it, and try again; nothing was changed.",
            )
        await self.database.alone(connection, STORING)
        kept = {**await self._read(connection, old), **await self._read(connection, new)}
        await self._write(connection, new, kept)
        await self.forget_all(connection, old)

    async def renew(self) -> int:
        """Encrypt with the first key what another one did, so that this can be taken away; returns how many users'."""
        if len(self.keys) < 2:
            return 0
        from cryptography.fernet import Fernet, InvalidToken

        first, renewed = Fernet(self.keys[0]), 0
        async with self._changing() as connection:
            for row in (await connection.execute(select(credentials_table))).all():
                try:
                    first.decrypt(row.sealed)
                except InvalidToken:
                    try:
                        sealed = fernet_of(self.keys).rotate(row.sealed).decode()
                    except InvalidToken:
                        continue  # of a key that is gone: whoever uses it is told
                    mine = credentials_table.c.owner == row.owner
                    await connection.execute(update(credentials_table).where(mine).values(sealed=sealed))
                    renewed += 1
        return renewed

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncConnection]:
        async with self.database.writing() as connection:
            await self.database.alone(connection, STORING)
            yield connection

    async def _read(self, connection: AsyncConnection, user: str) -> Mapping[str, str]:
        from cryptography.fernet import InvalidToken

        query = select(credentials_table.c.sealed).where(credentials_table.c.owner == _row(user))
        sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            return {}
        try:
            document = json.loads(fernet_of(self.keys).decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise ServiceError(
                "Stored tokens cannot be read: the key is another one.",
                hint="An admin has to add the earlier key to `credential_key`; or store the tokens again.",
            ) from error
        return dict(document["tokens"]) if document.get("user") == user else {}

    async def _write(self, connection: AsyncConnection, user: str, tokens: Mapping[str, str]) -> None:
        await connection.execute(delete(credentials_table).where(credentials_table.c.owner == _row(user)))
        if tokens:
            document = json.dumps({"user": user, "tokens": dict(tokens)})
            sealed = fernet_of(self.keys).encrypt(document.encode()).decode()
            await connection.execute(insert(credentials_table).values(owner=_row(user), sealed=sealed))


def _row(user: str) -> str:
    """Under what a user's tokens lie: who reads the table learns no names."""
    return digest(["credentials", user])
