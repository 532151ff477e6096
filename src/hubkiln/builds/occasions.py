"""Times for which an admin sets other limits than the usual: a workshop's group may build more, or all others less.

Kept in the database and changed while the service runs, as rules are. Of what holds at a moment, what speaks of the
user goes before what speaks of a group, that before a repository's, and that before everybody's; between two of one
rank the more generous limit counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import LIMITS, REFUSING, Quotas
from hubkiln.builds.journal import Clock
from hubkiln.database import Database, occasions_table
from hubkiln.errors import BadSpec, NotFound
from hubkiln.forms import Form
from hubkiln.setting_values import as_text, named
from hubkiln.values import Spec, utc_now


class OccasionKind(StrEnum):
    """Whom an occasion is for; later ones go before earlier ones."""

    EVERYBODY = "everybody"
    SPEC = "spec"
    GROUP = "group"
    USER = "user"


_RANK = {kind: rank for rank, kind in enumerate(OccasionKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Other limits for a time."""

    id: str
    kind: OccasionKind
    pattern: str
    """With ``*`` and ``?``: a user, a group, ``gh/org/repo``; capitals do not count. ``*`` of everybody."""
    limits: Mapping[str, float | None]
    """By setting: ``user_builds``; None is no limit."""
    begins: datetime
    ends: datetime
    reason: str
    """Shown to those concerned: the workshop's name."""
    author: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """Whose request limits are looked up for."""

    owner: str
    groups: tuple[str, ...] = ()
    spec: str = ""
    """``gh/org/repo``; empty where it is about no repository."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The limits of a moment."""

    quotas: Quotas
    because: Mapping[str, Occasion] = field(default_factory=dict)
    """By field of `quotas`, where it is not the usual one."""

    def why(self, name: str) -> str:
        """What is said behind the limit `name`, a field of `quotas`."""
        if (occasion := self.because.get(name)) is None:
            return ""
        reason = f", {occasion.reason.rstrip('.')}" if occasion.reason else ""
        return f" (until {occasion.ends:%Y-%m-%d %H:%M} UTC{reason})"

    def until(self, name: str) -> datetime | None:
        """When the limit `name` is the usual one again; None where it is."""
        return self.because[name].ends if name in self.because else None


def spec_name(spec: Spec) -> str:
    """A repository as patterns name it: ``gh/org/repo``."""
    return f"{spec.provider}/{spec.repository}"


def read_limits(given: Mapping[str, Any]) -> dict[str, float | None]:
    """
    Limits as an admin writes settings: ``{"user_builds": 5, "user_build_time_daily": "8h"}``.

    Raises:
        BadSpec: there is no such limit, or its value cannot be read; or nothing is given.
    """
    if not given:
        raise BadSpec("An occasion needs a limit.", hint=f"Give one of {', '.join(LIMITS)}.")
    if unknown := sorted(set(given) - set(LIMITS)):
        raise BadSpec(f"There is no limit {unknown[0][:60]!r}.", hint=f"There are {', '.join(LIMITS)}.")
    return {name: _form(name).read(name, as_text(value)) for name, value in given.items()}


def _form(name: str) -> Form[Any]:
    form = named(name).form
    return form.or_nothing() if name in REFUSING else form


def in_force(quotas: Quotas, occasions: Iterable[Occasion], whom: Concerned) -> InForce:
    """What `quotas` are for `whom`, with what `occasions` of this moment say."""
    best: dict[str, tuple[int, float, float | None, Occasion]] = {}
    for one in occasions:
        if not _concerns(one, whom):
            continue
        for name, value in one.limits.items():
            if name not in LIMITS:  # of a version that knew more
                continue
            key = (_RANK[one.kind], float("inf") if value is None else value)
            if name not in best or key > best[name][:2]:
                best[name] = (*key, value, one)
    changed = {LIMITS[name]: value for name, (_, _, value, _) in best.items()}
    return InForce(
        replace(quotas, **changed),  # type: ignore[arg-type]
        {LIMITS[name]: occasion for name, (*_, occasion) in best.items()},
    )


def _concerns(occasion: Occasion, whom: Concerned) -> bool:
    values = {
        OccasionKind.EVERYBODY: ("*",),
        OccasionKind.SPEC: (whom.spec,) if whom.spec else (),
        OccasionKind.GROUP: whom.groups,
        OccasionKind.USER: (whom.owner,),
    }[occasion.kind]
    everybody = occasion.kind is OccasionKind.EVERYBODY
    return everybody or any(fnmatchcase(value.lower(), occasion.pattern.lower()) for value in values)


async def held_at(connection: AsyncConnection, now: datetime) -> list[Occasion]:
    """Those that hold at `now`."""
    columns = occasions_table.c
    query = select(occasions_table).where(columns.begins <= now, columns.ends > now)
    return [_occasion(row) for row in await connection.execute(query)]


class Occasions:
    """The table of occasions."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database, self._now = database, now

    async def add(
        self,
        kind: OccasionKind,
        pattern: str,
        limits: Mapping[str, Any],
        *,
        begins: datetime,
        ends: datetime,
        author: str,
        reason: str = "",
    ) -> Occasion:
        """
        Set `limits` (see :func:`read_limits`) from `begins` to `ends`; holds in every process.

        Raises:
            BadSpec: no limit of such a name or value; no time.
        """
        if ends <= begins or ends <= self._now():
            raise BadSpec("That time is over before it begins.", hint="Give an end that lies ahead, after the begin.")
        occasion = Occasion(
            id=secrets.token_hex(4),
            kind=kind,
            pattern="*" if kind is OccasionKind.EVERYBODY else pattern,
            limits=read_limits(limits),
            begins=begins,
            ends=ends,
            reason=reason,
            author=author,
            created=self._now(),
        )
        row = {one.name: getattr(occasion, one.name) for one in fields(Occasion)}
        async with self._database.writing() as connection:
            await connection.execute(insert(occasions_table).values(row | {"kind": kind.value}))
        return occasion

    async def remove(self, id: str) -> None:
        """
        Raises:
            NotFound: there is no such occasion.
        """
        async with self._database.writing() as connection:
            gone = delete(occasions_table).where(occasions_table.c.id == id)
            if not (await connection.execute(gone)).rowcount:
                raise NotFound("There is no such occasion.")

    async def listing(self) -> list[Occasion]:
        """All of them, by their begin, those that are over too."""
        query = select(occasions_table).order_by(occasions_table.c.begins, occasions_table.c.id)
        async with self._database.reading() as connection:
            return [_occasion(row) for row in await connection.execute(query)]


def _occasion(row: Any) -> Occasion:
    found = {one.name: getattr(row, one.name) for one in fields(Occasion)}
    return Occasion(**found | {"kind": OccasionKind(row.kind)})
