"""What is kept under a user's name: to be forgotten when they leave, or to follow them to another name.

JupyterHub tells services of neither, so an admin says it: by a command, or to the service.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds import Owned, forget_builds, leave_all, owned, rename_builds
from hubkiln.database import Database
from hubkiln.environments import forget_environments, owned_environments, rename_environments
from hubkiln.errors import BadSpec, NotFound
from hubkiln.repositories import Keyring

LONGEST = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOfUser:
    """What is kept under one name."""

    name: str
    environments: int
    tokens: bool
    """Whether they stored some for hosts."""
    of_builds: Owned

    @property
    def anything(self) -> bool:
        """Whether there is something to forget."""
        of = self.of_builds
        return bool(self.environments or self.tokens or of.builds or of.schedules or of.rules)


@dataclass(frozen=True, slots=True)
class KeptOfUsers:
    """What is kept of users, by the name that JupyterHub gives them; of services, ``service/<name>``."""

    database: Database
    keyring: Keyring

    async def of(self, name: str) -> KeptOfUser:
        """What is kept of `name`; nothing where nobody is called so."""
        async with self.database.reading() as connection:
            return await self._of(connection, name)

    async def forget(self, name: str) -> KeptOfUser:
        """
        Forget everything that is `name`'s, and stop what is being built for nobody else; returns what it was.

        Schedules stay, which are the hub's, and so do rules and occasions that name them.

        Raises:
            NotFound: nothing is kept.
        """
        _found(await self.of(name))
        await leave_all(self.database, name)
        async with self.database.writing() as connection:
            found = _found(await self._of(connection, name))
            await forget_builds(connection, name)
            await forget_environments(connection, name)
            await self.keyring.forget_all(connection, name)
        return found

    async def rename(self, old: str, new: str) -> KeptOfUser:
        """
        Everything that is `old`'s is `new`'s, beside what `new` has; returns what it was.

        Raises:
            NotFound: nothing is kept of `old`. BadSpec: `new` is no other name.
            ServiceError: there are stored tokens, and not the key that they are encrypted with.
        """
        if not new.strip() or new == old or len(new) > LONGEST:
            raise BadSpec("That is no other name.", hint="Give the name that JupyterHub has for the user now.")
        async with self.database.writing() as connection:
            found = _found(await self._of(connection, old))
            await rename_builds(connection, old, new)
            await rename_environments(connection, old, new)
            await self.keyring.rename(connection, old, new)
        return found

    async def _of(self, connection: AsyncConnection, name: str) -> KeptOfUser:
        return KeptOfUser(
            name=name,
            environments=await owned_environments(connection, name),
            tokens=await self.keyring.stored(connection, name),
            of_builds=await owned(connection, name),
        )


def _found(kept: KeptOfUser) -> KeptOfUser:
    if not kept.anything:
        raise NotFound(
            f"Nothing is kept of {kept.name[:100]}.", hint="Names are as JupyterHub has them, in lower case."
        )
    return kept
