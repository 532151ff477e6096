"""Environments as the database has them: one query that tells all that a list shows, and what is read of its rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.database import build_users, builds_table, environment_images, environments_table
from hubkiln.environments.interface import Environment, Order, Saved, State, Visibility, title
from hubkiln.keys import digest, spec_key
from hubkiln.values import Spec

BUILT_OF = ("ready", "failed", "cancelled", "interrupted")
"""States of builds that have ended, as :mod:`hubkiln.builds` writes them."""

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


def state() -> ColumnElement[str]:
    """See :class:`State`."""
    last = _last_build()
    return case(
        (last.not_in(BUILT_OF), State.BUILDING.value),
        (_images.gone.is_(True), State.GONE.value),
        (last == "failed", State.FAILED.value),
        else_=State.READY.value,
    )


def by_order(order: Order) -> ColumnElement[Any]:
    """What a list is sorted by."""
    columns: dict[Order, ColumnElement[Any]] = {
        Order.NAME: func.lower(_table.name),
        Order.OWNER: func.lower(_table.owner),
        Order.SIZE: _images.bytes,
        Order.PACKAGES: _images.packages,
        Order.MADE: _images.built,
        Order.USED: _table.last_used,
        Order.STATE: state(),
        Order.SHARING: _table.visibility,
    }
    return columns[order]


def environments(*, with_state: bool = True) -> Select[Any]:
    """All of them, each with what is known of today's image."""
    same = (_images.environment_id == _table.id) & (_images.image == _table.image)
    told = [_images.bytes, _images.packages, _images.built, _images.gone]
    query = select(environments_table, *told, *([state().label("state")] if with_state else []))
    return query.select_from(environments_table.outerjoin(environment_images, same))


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
        state=State(row.state) if hasattr(row, "state") else State.GONE if row.gone else State.READY,
    )


def first_name(spec: Spec) -> str:
    """How an environment is called until somebody gives it a name."""
    return title(spec)[:LONGEST_NAME]


def found_by(name: str, description: str, spec: Spec, owner: str) -> str:
    """What an environment is found by."""
    return f"{name} {description} {spec.repository} {owner}".lower()


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
