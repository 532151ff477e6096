"""How requests become builds: an equal one that is known, or under way, is joined; any other is recorded.

That two equal requests are never under way at once is a unique column, not a habit.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.codec import decode_built, encode_built, encode_request, request_key
from hubkiln.builds.events import Entered, Event, Phase, Resolved
from hubkiln.builds.interface import BuildRequest, Built, Record
from hubkiln.builds.journal import QUEUE, Clock, Happened, event_row
from hubkiln.builds.occasions import Concerned, held_at, in_force, spec_name
from hubkiln.builds.quotas import FOUND, MOST_RECORDED, check_day, check_recorded
from hubkiln.builds.redaction import Redactor
from hubkiln.builds.rows import record_in, records_of
from hubkiln.database import Database, build_events, build_users, builds_table
from hubkiln.errors import BadSpec
from hubkiln.keys import spec_key
from hubkiln.values import utc_now

COUNTING = 4859
"""Number of the lock that is held while a user's builds are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for."""

    request: BuildRequest
    owner: str
    ref: str
    """What the owner calls the commit."""
    result_key: str | None = None
    """Equal ones come to the same image; None where nobody can tell."""
    groups: tuple[str, ...] = ()
    """The hub's groups that the owner is in, for limits."""
    priority: int = 0
    """Higher goes first."""
    found: Built | None = None
    """What is there already; the build is over before it began."""
    within: timedelta | None = None
    """How old a build may be whose result will do, if one has become ready meanwhile; None where none will."""
    gone: str = ""
    """The build that was found, but not its image."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """The profile and its options that the owner chose with it, for the environment to keep."""


def concerned(asked: Asked) -> Concerned:
    """Whose request it is, for limits."""
    return Concerned(owner=asked.owner, groups=asked.groups, spec=spec_name(asked.request.spec))


class Queue:
    """The builds that wait; see :class:`hubkiln.builds.journal.Journal` for what is told of them."""

    def __init__(
        self,
        database: Database,
        redactor: Redactor | None = None,
        now: Clock = utc_now,
        quotas: Quotas | None = None,
        most_recorded: int = MOST_RECORDED,
    ) -> None:
        self._database, self._redactor, self.now = database, redactor or Redactor(), now
        self._quotas, self._most_recorded = quotas or Quotas(), most_recorded

    async def add(self, asked: Asked) -> tuple[Record, bool]:
        """
        A new build, which waits, or the one under way with an equal request, which the owner joins.

        Returns the record and whether it was joined.

        Raises:
            BadSpec: the repository's address holds a password or token. LimitReached: the owner asked for enough.
        """
        repository = asked.request.spec.repository
        if self._redactor.text(repository) != repository:
            raise BadSpec(
                "The repository's address holds a password or token.",
                hint="Leave it out; private repositories are set up by the admin.",
            )
        key = request_key(asked.request)
        while True:
            try:
                if asked.found is not None:  # nobody waits for it, and nobody's turn changes
                    async with self._database.writing() as connection:
                        return await self._insert(connection, asked, key), False
                if joined := await self._joined(key, asked):
                    return joined, True
                async with self._database.writing() as connection:
                    if joined := await self._join(connection, key, asked):
                        return joined, True
                    if (built := await self._ready_meanwhile(connection, asked)) is not None:
                        return await self._insert(connection, replace(asked, found=built), key), False
                    await self._check_day(connection, asked)
                    added = await self._insert(connection, asked, key)
                    await self._database.bell.announce(connection, QUEUE)
                self._database.bell.ring(QUEUE)
                return added, False
            except IntegrityError:  # another replica was quicker; the next round joins it
                continue

    async def known(self, result_key: str, within: timedelta) -> Record | None:
        """The newest build with this key that became ready so long ago at most, or a clock that was wrong ahead."""
        async with self._database.reading() as connection:
            newest = await connection.execute(self._newest(select(builds_table), result_key, within))
            return next(iter(await records_of(connection, newest)), None)

    async def known_in(
        self, connection: AsyncConnection, result_key: str, within: timedelta
    ) -> tuple[Built, datetime] | None:
        """What the build that :meth:`known` finds came to, and until when it finds it."""
        columns = select(builds_table.c.built, builds_table.c.finished)
        row = (await connection.execute(self._newest(columns, result_key, within))).one_or_none()
        return None if row is None or row.built is None else (decode_built(row.built), row.finished + within)

    def _newest(self, query: Select[Any], result_key: str, within: timedelta) -> Select[Any]:
        same = (builds_table.c.result_key == result_key) & (builds_table.c.state == Phase.READY.value)
        lately = builds_table.c.finished.between(self.now() - within, self.now() + within)
        return query.where(same, lately).order_by(builds_table.c.finished.desc()).limit(1)

    async def under_way(self, key: str) -> Record | None:
        """The build that an equal request would join."""
        query = select(builds_table).where(builds_table.c.running_key == key)
        async with self._database.reading() as connection:
            return next(iter(await records_of(connection, await connection.execute(query))), None)

    async def _ready_meanwhile(self, connection: AsyncConnection, asked: Asked) -> Built | None:
        """What a build came to that `asked` would have joined, had it not ended a moment ago."""
        if asked.within is None or asked.result_key is None:
            return None
        columns = select(builds_table.c.id, builds_table.c.built)
        row = (await connection.execute(self._newest(columns, asked.result_key, asked.within))).one_or_none()
        if row is None or row.built is None or row.id == asked.gone:
            return None
        return replace(decode_built(row.built), reused=True, seconds={})

    async def _check_day(self, connection: AsyncConnection, asked: Asked) -> None:
        limits = in_force(self._quotas, await held_at(connection, self.now()), concerned(asked))
        if limits.quotas.of_a_day:
            await self._database.alone(connection, COUNTING)
            await check_day(connection, limits, asked.owner, self.now())

    async def _joined(self, key: str, asked: Asked) -> Record | None:
        """The build under way that the owner has joined already: a crowd that reloads its pages writes nothing."""
        mine = (build_users.c.user == asked.owner) & build_users.c.left.is_(False) & (build_users.c.ref == asked.ref)
        query = select(builds_table.c.id).join(build_users).where(builds_table.c.running_key == key, mine)
        async with self._database.reading() as connection:
            id = (await connection.execute(query)).scalar_one_or_none()
            return None if id is None else await record_in(connection, id)

    async def _join(self, connection: AsyncConnection, key: str, asked: Asked) -> Record | None:
        running = select(builds_table.c.id).where(builds_table.c.running_key == key).with_for_update()
        id = (await connection.execute(running)).scalar_one_or_none()
        if id is None:
            return None
        mine = (build_users.c.build_id == id) & (build_users.c.user == asked.owner)
        user = self._user(id, asked)
        again = (
            update(build_users).where(mine).values({key: user[key] for key in ("left", "ref", "wants", "resources")})
        )
        if not (await connection.execute(again)).rowcount:
            await connection.execute(insert(build_users).values(user))
        return await record_in(connection, id)

    async def _insert(self, connection: AsyncConnection, asked: Asked, key: str) -> Record:
        id, now, built, spec = secrets.token_hex(8), self.now(), asked.found, asked.request.spec
        await check_recorded(connection, asked.owner, now, self._most_recorded)
        events: list[Event] = [Entered(Phase.QUEUED)]
        row = {
            "id": id,
            "request": encode_request(asked.request),
            "provider": spec.provider,
            "repository": spec.repository,
            "owner": asked.owner,
            "groups": list(asked.groups),
            "priority": asked.priority,
            "created": now,
        }
        if built is None:
            row |= {"state": Phase.QUEUED.value, "running_key": key}
            row["result_key"] = asked.result_key
        else:
            events += [Resolved(built.commit), Entered(Phase.READY)]
            row |= {"state": Phase.READY.value, "built": encode_built(built), "started": now, "finished": now}
            row |= {"result_key": FOUND, "commit": built.commit, "plan": built.plan, "why": list(built.why)}
        await connection.execute(insert(builds_table).values(row | {"last_seq": len(events)}))
        await connection.execute(insert(build_users).values(self._user(id, asked)))
        told = [event_row(id, seq, Happened(now, event), 0) for seq, event in enumerate(events, 1)]
        await connection.execute(insert(build_events), told)
        ended = None if built is None else now
        return Record(
            id=id,
            request=asked.request,
            owner=asked.owner,
            state=str(row["state"]),
            created=now,
            started=ended,
            finished=ended,
            commit=built.commit if built else None,
            plan=built.plan if built else None,
            why=built.why if built else (),
            built=built,
            refs={asked.owner: asked.ref} if asked.ref else {},
            resources={asked.owner: dict(asked.resources)} if asked.resources else {},
            last_seq=len(events),
        )

    def _user(self, id: str, asked: Asked) -> dict[str, object]:
        spec = asked.request.spec
        wants = spec_key(replace(spec, ref=asked.ref or spec.ref))
        return {
            "build_id": id,
            "user": asked.owner,
            "joined": self.now(),
            "left": False,
            "ref": asked.ref,
            "wants": wants,
            "resources": dict(asked.resources) or None,
        }
