"""Which lock belongs to which recipe: a repository keeps its packages until somebody asks for new ones.

Another repository with the same recipe gets the same lock while it is fresh, so that its environment is there
already. A lock stays as old as it is, however often it is handed on.

The command line asks this book in every build, so it loads no SQLAlchemy: plain SQL on whatever database it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hubkiln.database import Statements
from hubkiln.values import utc_now

_OWN = """
SELECT text FROM locks WHERE recipe_key = :recipe_key AND repository = :repository ORDER BY kept DESC, id DESC LIMIT 1
"""
_YOUNG = "SELECT text FROM locks WHERE recipe_key = :recipe_key AND created >= :since ORDER BY created DESC, id LIMIT 1"
_BY_DIGEST = "SELECT text FROM locks WHERE digest = :digest ORDER BY id LIMIT 1"
_KEEP = """
INSERT INTO locks (recipe_key, repository, digest, text, created, kept)
VALUES (:recipe_key, :repository, :digest, :text, COALESCE(
  (SELECT MIN(created) FROM locks WHERE recipe_key = :recipe_key AND digest = :digest), :now), :now)
ON CONFLICT (recipe_key, repository, digest) DO UPDATE SET kept = excluded.kept, text = excluded.text
"""


class StoredLocks:
    """Keeps locks for good: an environment can be made again from the lock it had."""

    def __init__(self, database: Statements, now: Callable[[], datetime] = utc_now) -> None:
        self._database, self._now = database, now

    async def find(self, recipe_key: str, repository: str, max_age: timedelta) -> str | None:
        """Text of the lock last kept for this recipe by `repository`, else the newest by any within `max_age`."""
        own: str | None = await self._database.value(_OWN, recipe_key=recipe_key, repository=repository)
        if own is not None:
            return own
        young: str | None = await self._database.value(_YOUNG, recipe_key=recipe_key, since=self._now() - max_age)
        return young

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """Remember that `repository` uses this lock now; the same again only says so again."""
        await self._database.change(
            _KEEP, recipe_key=recipe_key, repository=repository, digest=digest, text=text, now=self._now()
        )

    async def by_digest(self, digest: str) -> str | None:
        """Text of the lock with this digest, to make an environment again."""
        text: str | None = await self._database.value(_BY_DIGEST, digest=digest)
        return text
