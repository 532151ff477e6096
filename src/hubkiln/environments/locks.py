"""Which lock belongs to which recipe: a repository keeps its packages until somebody asks for new ones.

Another repository with the same recipe gets the same lock while it is fresh, so that its environment is there
already. A lock stays as old as it is, however often it is handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update

from hubkiln.database import Database
from hubkiln.database.columns import Moment
from hubkiln.database.tables import locks
from hubkiln.environments.catalogue import utc_now


class Locks:
    """Keeps locks for good: an environment can be made again from the lock it had."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database, self._now = database, now

    async def find(self, recipe_key: str, repository: str, max_age: timedelta) -> str | None:
        """Text of the lock last kept for this recipe by `repository`, else the newest by any within `max_age`."""
        of_recipe = select(locks.c.text).where(locks.c.recipe_key == recipe_key).limit(1)
        own = of_recipe.where(locks.c.repository == repository).order_by(locks.c.kept.desc(), locks.c.id.desc())
        young = of_recipe.where(locks.c.created >= self._now() - max_age)
        async with self._database.reading() as connection:
            for query in (own, young.order_by(locks.c.created.desc(), locks.c.id)):
                text: str | None = (await connection.execute(query)).scalar_one_or_none()
                if text is not None:
                    return text
        return None

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """Remember that `repository` uses this lock now; the same again only says so again."""
        now = self._now()
        same_lock = (locks.c.recipe_key == recipe_key) & (locks.c.digest == digest)
        mine = same_lock & (locks.c.repository == repository)
        async with self._database.writing() as connection:
            if (await connection.execute(update(locks).where(mine).values(kept=now, text=text))).rowcount:
                return
            first = select(func.min(locks.c.created, type_=Moment)).where(same_lock)
            created = (await connection.execute(first)).scalar_one_or_none() or now
            row = {"recipe_key": recipe_key, "repository": repository, "digest": digest, "text": text}
            await connection.execute(insert(locks).values(row | {"created": created, "kept": now}))

    async def by_digest(self, digest: str) -> str | None:
        """Text of the lock with this digest, to make an environment again."""
        query = select(locks.c.text).where(locks.c.digest == digest).order_by(locks.c.id).limit(1)
        async with self._database.reading() as connection:
            text: str | None = (await connection.execute(query)).scalar_one_or_none()
            return text
