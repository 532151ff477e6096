"""The catalogue: every user's saved environments, kept by repository, so that a new commit updates what has a name."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import Database, environment_images, environments_table
from hubkiln.environments.interface import Environment, Known, Order, Saved, State, Visibility
from hubkiln.environments.places import identity_for, place_of
from hubkiln.environments.rows import (
    MOST_COPIED,
    built_columns,
    check_copies,
    copied,
    environment,
    environments,
    first_columns,
    first_name,
    found_by,
    listed,
    one,
)
from hubkiln.errors import NotFound, Refused
from hubkiln.keys import repository_key, spec_key
from hubkiln.values import Spec, utc_now

MOST_OWNERS = 5_000
"""Asked about in one question; databases bound how much may be in one."""


class Catalogue:
    """Reads and writes saved environments."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now, most: int = MOST_COPIED) -> None:
        self._database, self._now, self._most = database, now, most

    async def save(self, saved: Saved) -> Environment:
        """
        Save what was built; may be called again with the same.

        The owner's environment of the same repository and folder gets the new image and keeps its name, description
        and visibility.
        """
        while True:
            try:
                async with self._database.writing() as connection:
                    id = await self._update(connection, saved) or await self._insert(connection, saved)
                    await self._remember_image(connection, id, saved)
                    found = await one(connection, environments_table.c.id == id)
                    assert found is not None
                    return found
            except IntegrityError:  # another replica inserted it; the next round updates
                continue

    async def _update(self, connection: AsyncConnection, saved: Saved) -> str | None:
        id = await place_of(connection, saved.owner, saved.spec)
        if id is None:
            return None
        before = await one(connection, environments_table.c.id == id)
        assert before is not None
        values = built_columns(saved) | {"last_used": self._now(), "awaits": None}
        spec = saved.spec
        if spec.ref == saved.commit != before.spec.ref and repository_key(spec) == repository_key(before.spec):
            spec = replace(spec, ref=before.spec.ref)  # an old commit of the same branch
        identity = await identity_for(connection, id, saved.owner, spec)
        name = first_name(spec) if before.name == first_name(before.spec) else before.name
        values |= {"spec": asdict(spec), "wants": spec_key(spec), "identity": identity, "name": name}
        values["words"] = found_by(name, before.description, spec, saved.owner)
        values["resources"] = before.resources or saved.resources or None
        if spec.reader:
            values |= {"visibility": Visibility.PRIVATE.value, "shared_with": None}
        await connection.execute(update(environments_table).where(environments_table.c.id == id).values(values))
        return id

    async def _insert(self, connection: AsyncConnection, saved: Saved) -> str:
        id = secrets.token_hex(8)
        values = first_columns(saved, id, self._now())
        await connection.execute(insert(environments_table).values(values))
        return id

    async def _remember_image(self, connection: AsyncConnection, id: str, saved: Saved) -> None:
        same = (environment_images.c.environment_id == id) & (environment_images.c.image == saved.image)
        values = {
            "commit": saved.commit,
            "environment_key": saved.environment_key,
            "lock_digest": saved.lock_digest,
            "plan": saved.plan,
            "built": self._now(),
            "gone": False,
            "looked": None,
            "spec": asdict(saved.spec),
        }
        if not (await connection.execute(update(environment_images).where(same).values(values))).rowcount:
            row = values | {"environment_id": id, "image": saved.image}
            await connection.execute(insert(environment_images).values(row))

    async def listing(
        self,
        user: str | None,
        words: str = "",
        groups: Collection[str] = (),
        *,
        order: Order = Order.USED,
        descending: bool = True,
        state: State | None = None,
        own: bool | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[list[Environment], int]:
        """
        What `user`, who is in `groups`, may start, last used first; None for everybody's.

        Each of `words` is in the name, the description, the repository or the owner. With `own` the user's own
        alone, or others' alone. Returns those from number `offset` on, `limit` at most, and how many there are in all.
        """
        table = environments_table.c
        which = and_(*(table.words.contains(word, autoescape=True) for word in words.lower().split()), true())
        if user is not None:
            ours = and_(table.visibility == Visibility.GROUP.value, table.shared_with.in_(list(groups)))
            which &= or_(table.owner == user, table.visibility == Visibility.PUBLIC.value, ours)
        if own is not None and user is not None:
            which &= table.owner == user if own else table.owner != user
        async with self._database.reading() as connection:
            return await listed(connection, which, order, state, descending=descending, offset=offset, limit=limit)

    async def get(self, id: str, user: str, groups: Collection[str] = (), *, everybodys: bool = False) -> Environment:
        """
        One of those that `user`, who is in `groups`, may start.

        With `everybodys` anybody's, but for what is of a private repository.

        Raises:
            NotFound: there is none, or `user` may not see it.
        """
        async with self._database.reading() as connection:
            found = await one(connection, environments_table.c.id == id)
        if found is None or not (found.visible_to(user, groups) or (everybodys and not found.spec.reader)):
            raise NotFound("There is no such environment.")
        return found

    async def known(self, image: str, user: str, groups: Collection[str] = ()) -> Known:
        """
        What is known of `image`, today's or an earlier one of some environment, for `user` of `groups`.

        An earlier one was made of what the environment was of then, which may have been private.
        """
        images = environment_images.c
        having = select(images.environment_id, images.spec).where(images.image == image)
        query = environments(with_state=False).where(
            environments_table.c.id.in_(having.with_only_columns(images.environment_id))
        )
        async with self._database.reading() as connection:
            of = {row.environment_id: row.spec for row in await connection.execute(having)}
            rows = await connection.execute(query.order_by(environments_table.c.created))
            found = [_as_made_of(environment(row), of.get(row.id)) for row in rows]
        mine = sorted((seen for seen in found if seen.visible_to(user, groups)), key=lambda seen: seen.owner != user)
        return Known(known=bool(found), visible=bool(mine), environment=mine[0] if mine else None)

    async def touch(self, image: str, user: str) -> None:
        """Note that `user` starts `image` now."""
        having = select(environment_images.c.environment_id).where(environment_images.c.image == image)
        mine = update(environments_table).where(environments_table.c.owner == user, environments_table.c.id.in_(having))
        async with self._database.writing() as connection:
            await connection.execute(mine.values(last_used=self._now()))

    async def having(self, connection: AsyncConnection, saved: Saved, owners: Collection[str]) -> dict[str, datetime]:
        """
        Those of `owners` for whom saving `saved` again would change nothing but when they used it, and when they did.

        Whose `saved` is does not matter.
        """
        table, wanted = environments_table.c, sorted(owners)[:MOST_OWNERS]
        same = and_(
            table.identity == repository_key(saved.spec),
            table.image == saved.image,
            table.commit == saved.commit,
            table.environment_key == saved.environment_key,
            table.plan == saved.plan,
            table.owner.in_(wanted),
        )
        rows = await connection.execute(select(table.owner, table.spec, table.last_used).where(same))
        return {row.owner: row.last_used for row in rows if _same_spec(saved, Spec(**row.spec))}

    async def used(self, spec: Spec, owners: Collection[str]) -> None:
        """Note that `owners` use their environments of this repository now."""
        mine = (environments_table.c.identity == repository_key(spec)) & environments_table.c.owner.in_(sorted(owners))
        async with self._database.writing() as connection:
            await connection.execute(update(environments_table).where(mine).values(last_used=self._now()))

    async def change(
        self,
        id: str,
        user: str,
        *,
        name: str | None = None,
        description: str | None = None,
        visibility: Visibility | None = None,
        group: str | None = None,
        pinned: bool | None = None,
        resources: Mapping[str, str] | None = None,
    ) -> Environment:
        """
        Change what is given, `resources` all at once; only the owner may.

        Raises:
            NotFound: `user` has no such environment.
            Refused: what is in it is of a private repository.
        """
        given = {"name": name, "description": description, "visibility": visibility, "pinned": pinned}
        values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if resources is not None:
            values["resources"] = dict(resources) or None
        if visibility is not None:
            values["shared_with"] = group if visibility is Visibility.GROUP else None
        mine = (environments_table.c.id == id) & (environments_table.c.owner == user)
        async with self._database.writing() as connection:
            before = await one(connection, mine)
            if before is not None and before.spec.reader and visibility not in (None, Visibility.PRIVATE):
                raise Refused(
                    "What is built from a private repository cannot be shared.",
                    hint="Whoever may read the repository can build it too.",
                )
            if values and before is not None:
                told = {"name": before.name, "description": before.description} | values
                values["words"] = found_by(told["name"], told["description"], before.spec, user)
                await connection.execute(update(environments_table).where(mine).values(values))
            found = await one(connection, mine)
        if found is None:
            raise NotFound("You have no such environment.")
        return found

    async def copy(self, id: str, user: str, groups: Collection[str] = ()) -> Environment:
        """
        An environment of `user`'s own like one that they may start: of the same image, and nobody else's.

        Raises:
            NotFound: there is none, or `user` may not see it. LimitReached: they have too many already.
        """
        original, now, new = await self.get(id, user, groups), self._now(), secrets.token_hex(8)
        images = environment_images.c
        async with self._database.writing() as connection:
            await check_copies(connection, user, self._most)
            same = (images.environment_id == id) & (images.image == original.image)
            version = (await connection.execute(select(environment_images).where(same))).mappings().one_or_none()
            values = copied(original, new, user, now)
            await connection.execute(insert(environments_table).values(values))
            if version is not None:
                await connection.execute(insert(environment_images).values({**version, "environment_id": new}))
            made = await one(connection, environments_table.c.id == new)
            assert made is not None
            return made

    async def await_build(self, id: str, user: str, spec: Spec) -> None:
        """What `user` builds of `spec` next belongs to this environment of theirs, whatever it was of."""
        mine = (environments_table.c.id == id) & (environments_table.c.owner == user)
        async with self._database.writing() as connection:
            await connection.execute(update(environments_table).where(mine).values(awaits=spec_key(spec)))

    async def delete(self, id: str, user: str | None) -> None:
        """
        Forget one; its image stays until it is collected, but is no longer known through this environment.

        None as `user` forgets anybody's.

        Raises:
            NotFound: `user` has no such environment.
        """
        mine = environments_table.c.id == id
        if user is not None:
            mine &= environments_table.c.owner == user
        async with self._database.writing() as connection:
            gone = select(environments_table.c.id).where(mine)
            await connection.execute(delete(environment_images).where(environment_images.c.environment_id.in_(gone)))
            if not (await connection.execute(delete(environments_table).where(mine))).rowcount:
                raise NotFound("You have no such environment.")


def _as_made_of(environment: Environment, spec: Mapping[str, str] | None) -> Environment:
    """`environment` as the reader's alone of whom one of its images is, if the `spec` of that says so."""
    made_of = Spec(**spec) if spec else environment.spec
    return replace(environment, spec=made_of) if made_of.reader else environment


def _same_spec(saved: Saved, before: Spec) -> bool:
    """Whether `before` stays what it is when `saved` is; a commit's name is no ref that takes a branch's place."""
    return before == (replace(saved.spec, ref=before.ref) if saved.spec.ref == saved.commit else saved.spec)
