"""Environments as the database has them: one query that tells all that a list shows, and what is read of its rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Join, Row, Select, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import build_users, builds_table, environment_images, environments_table
from hubkiln.environments.interface import Environment, Order, Saved, State, Visibility, title
from hubkiln.errors import LimitReached
from hubkiln.keys import digest, repository_key, spec_key
from hubkiln.values import Spec

BUILT_OF = ("ready", "failed", "cancelled", "interrupted")
"""States of builds that have ended, as :mod:`hubkiln.builds` writes them."""

MOST_COPIED = 1_000
"""Environments with which a user makes no further copy, which takes a row and no place on a disk."""

LONGEST_NAME = 255

_table, _images = environments_table.c, environment_images.c


def _last_build() -> ColumnElement[str]:
    """State of the newest build by which the owner asked for what it is, or is to become."""
    mine = and_(
        build_users.c.user == _table.owner,
        build_users.c.wants.in_([_table.wants, func.coalesce(_table.awaits, _table.wants)]),
        build_users.c.left.is_(False),
    )
    newest = select(builds_table.c.state).join(build_users).where(mine).order_by(builds_table.c.created.desc())
    return newest.limit(1).correlate(environments_table).scalar_subquery()


def _state(last: ColumnElement[str]) -> ColumnElement[str]:
    """See :class:`State`; it mentions `last` once, for a database works it out anew at each mention."""
    states = {of: State.FAILED if of == "failed" else State.READY for of in BUILT_OF}
    there: dict[str, ColumnElement[str]] = {
        of: case((_images.gone.is_(True), State.GONE.value), else_=then.value) for of, then in states.items()
    }
    return case(there, value=func.coalesce(last, BUILT_OF[0]), else_=State.BUILDING.value)


def by_order(order: Order, state: ColumnElement[str]) -> ColumnElement[Any]:
    """What a list is sorted by, where each one's `state` is that."""
    columns: dict[Order, ColumnElement[Any]] = {
        Order.NAME: func.lower(_table.name),
        Order.OWNER: func.lower(_table.owner),
        Order.SIZE: _images.bytes,
        Order.PACKAGES: _images.packages,
        Order.MADE: _images.built,
        Order.USED: _table.last_used,
        Order.STATE: state,
        Order.SHARING: _table.visibility,
    }
    return columns[order]


def environments(*, with_state: bool = True) -> Select[Any]:
    """All of them, each with what is known of today's image; the state of each is looked for by itself."""
    query = select(environments_table, *_TOLD, *([_state(_last_build()).label("state")] if with_state else []))
    return query.select_from(_with_images())


def environments_and_state(which: ColumnElement[bool]) -> tuple[Select[Any], ColumnElement[str]]:
    """Those that `which` finds, with all their states found in one go, to be cut or sorted by; and the state."""
    is_of, becomes = (newest.c for newest in _newest_builds(select(_table.owner).where(which)))
    mine = (is_of.user == _table.owner) & (is_of.wants == _table.wants)
    awaited = (becomes.user == _table.owner) & (becomes.wants == _table.awaits)
    newer = or_(is_of.created.is_(None), becomes.created > is_of.created)
    state = _state(case((newer, becomes.state), else_=is_of.state))
    joined = _with_images().outerjoin(is_of.user.table, mine).outerjoin(becomes.user.table, awaited)
    return select(environments_table, *_TOLD, state.label("state")).select_from(joined).where(which), state


def _newest_builds(owners: Select[Any]) -> tuple[Subquery, Subquery]:
    """State and time of the newest build of each of `owners` for each thing they asked for, to be joined twice."""
    asked, build = build_users.c, builds_table.c
    newest = func.max(build.created)
    state = case(
        (func.max(case((build.state.not_in(BUILT_OF), build.created))) == newest, "building"),
        (func.max(case((build.state == "failed", build.created))) == newest, "failed"),
        else_=BUILT_OF[0],
    )
    of_each = select(asked.user, asked.wants, newest.label("created"), state.label("state")).join(builds_table)
    of_each = of_each.where(asked.user.in_(owners), asked.left.is_(False)).group_by(asked.user, asked.wants)
    found = of_each.cte("newest_builds")
    return select(found).subquery("is_of"), select(found).subquery("becomes")


def _with_images() -> Join:
    return environments_table.outerjoin(
        environment_images, (_images.environment_id == _table.id) & (_images.image == _table.image)
    )


_TOLD = (_images.bytes, _images.packages, _images.built, _images.gone)


async def listed(
    connection: AsyncConnection,
    which: ColumnElement[bool],
    order: Order,
    state: State | None,
    *,
    descending: bool,
    offset: int,
    limit: int | None,
) -> tuple[list[Environment], int]:
    """Those that `which` finds, in `state`, from number `offset` on, `limit` at most; and how many there are in all."""
    query, each_state = environments_and_state(which)
    if state is not None:
        query = query.where(each_state == state.value)
    by = by_order(order, each_state)
    places = ((by.desc() if descending else by.asc()).nulls_last(), _table.id)
    if limit is None:
        rows = list(await connection.execute(query.order_by(*places)))
        return [environment(row) for row in rows[offset:]], len(rows)
    if state is not None or order is Order.STATE:  # to find all states takes longest, so it is done once
        ids = list((await connection.execute(query.with_only_columns(_table.id).order_by(*places))).scalars())
        total, page = len(ids), ids[offset : offset + limit]
    else:
        query = environments(with_state=False).where(which)
        total = await connection.scalar(query.with_only_columns(func.count())) or 0
        within = query.with_only_columns(_table.id).order_by(*places).offset(offset).limit(limit)
        page = list((await connection.execute(within)).scalars())
    found = {row.id: environment(row) for row in await connection.execute(environments().where(_table.id.in_(page)))}
    return [found[id] for id in page], total


async def one(connection: AsyncConnection, which: ColumnElement[bool]) -> Environment | None:
    """The one that `which` finds."""
    row = (await connection.execute(environments().where(which))).one_or_none()
    return environment(row) if row else None


def environment(row: Row[Any]) -> Environment:
    """What a row of :func:`environments` tells."""
    return Environment(
        id=row.id,
        owner=row.owner,
        name=row.name,
        description=row.description,
        spec=Spec(**row.spec),
        commit=row.commit,
        image=row.image,
        environment_key=row.environment_key,
        plan=row.plan,
        visibility=Visibility(row.visibility),
        created=row.created,
        last_used=row.last_used,
        pinned=bool(row.pinned),
        group=row.shared_with or "",
        bytes=row.bytes,
        packages=row.packages,
        built=row.built,
        resources=row.resources or {},
        state=State(row.state) if hasattr(row, "state") else State.GONE if row.gone else State.READY,
    )


def first_name(spec: Spec) -> str:
    """How an environment is called until somebody gives it a name."""
    return title(spec)[:LONGEST_NAME]


def found_by(name: str, description: str, spec: Spec, owner: str) -> str:
    """What an environment is found by."""
    return f"{name} {description} {spec.repository} {spec.packages} {owner}".lower()


def copied(original: Environment, id: str, user: str, now: datetime) -> dict[str, Any]:
    """The row `id` of `user`'s own environment like `original`."""
    name = f"{original.name[: LONGEST_NAME - 7]} (copy)"
    return {
        "id": id,
        "owner": user,
        "identity": digest(["copy", id]),
        "wants": spec_key(original.spec),
        "name": name,
        "description": original.description,
        "spec": asdict(original.spec),
        "commit": original.commit,
        "image": original.image,
        "environment_key": original.environment_key,
        "plan": original.plan,
        "visibility": Visibility.PRIVATE.value,
        "words": found_by(name, original.description, original.spec, user),
        "resources": original.resources or None,
        "created": now,
        "last_used": now,
    }


def first_columns(saved: Saved, id: str, now: datetime) -> dict[str, Any]:
    """The row `id` of an environment that its owner has not yet."""
    name = first_name(saved.spec)
    return built_columns(saved) | {
        "id": id,
        "owner": saved.owner,
        "identity": repository_key(saved.spec),
        "wants": spec_key(saved.spec),
        "name": name,
        "description": "",
        "visibility": Visibility.PRIVATE.value,
        "words": found_by(name, "", saved.spec, saved.owner),
        "resources": saved.resources or None,
        "created": now,
        "last_used": now,
    }


def built_columns(saved: Saved) -> dict[str, Any]:
    """What a row says of the image that was built last."""
    return {
        "spec": asdict(saved.spec),
        "commit": saved.commit,
        "image": saved.image,
        "environment_key": saved.environment_key,
        "plan": saved.plan,
    }


async def check_copies(connection: AsyncConnection, owner: str, most: int) -> None:
    """
    See whether `owner` may make one more copy.

    Raises:
        LimitReached: they have `most` environments.
    """
    mine = select(func.count()).where(environments_table.c.owner == owner)
    if (count := (await connection.execute(mine)).scalar_one()) >= most:
        raise LimitReached(
            f"You have {count} environments, too many to copy one more.", hint="Delete some that you no longer need."
        )
