"""What a build would come to, before anybody asks for it: at once, seconds or minutes, and why.

Nothing is built, and nothing fetched: what is known is looked up, and how long it takes is what it took before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from sqlalchemy import ColumnElement, select

from hubkiln.builds.events import Phase
from hubkiln.builds.interface import BuildRequest, Intended, Plan, Record
from hubkiln.builds.limits import Limits
from hubkiln.builds.queue import concerned
from hubkiln.builds.requests import Requests
from hubkiln.builds.rows import records_of
from hubkiln.builds.rules import Rules, asked_of
from hubkiln.database import Database, builds_table
from hubkiln.errors import HubkilnError, Unreachable, UserError
from hubkiln.keys import repository_key
from hubkiln.turns import Slots
from hubkiln.values import Spec

AT_ONCE, EACH = 8, 2
"""Forecasts made at the same time, and how many of them for one user; who comes next waits."""
REMEMBERED = 15
"""Earlier builds that tell how long one takes."""
LOOKED_AT = 10
"""Earlier builds of a repository among which one that the caller may know of is looked for."""


class Outcome(StrEnum):
    """What would happen."""

    READY = "ready"
    """It is there: a server starts at once."""
    JOINED = "joined"
    """It is being built; who asks joins."""
    COMPOSE = "compose"
    RUN_STEPS = "run-steps"
    REPO2DOCKER = "repo2docker"
    UNKNOWN = "unknown"
    """It must be built, and nobody has read yet what it asks for."""
    REFUSED = "refused"
    """Nothing would come of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a build would come to."""

    outcome: Outcome
    seconds: float | None = None
    """About how long, by earlier builds; None where there are none."""
    why: tuple[str, ...] = ()
    commit: str = ""
    """What the ref means now."""
    earlier: bool = False
    """Whether an earlier commit of the same repository tells it."""
    problem: HubkilnError | None = None
    """Why nothing would come of it, or why that cannot be told now."""


async def _nothing(request: BuildRequest) -> Intended | None:
    return None


class Forecasts:
    """Tells what requests would come to."""

    def __init__(
        self, database: Database, requests: Requests, rules: Rules, limits: Limits, plan: Plan | None = None
    ) -> None:
        self._database, self._requests, self._rules, self._limits = database, requests, rules, limits
        self._plan, self._slots = plan or _nothing, Slots(AT_ONCE, EACH)

    async def of(self, request: BuildRequest, owner: str, groups: tuple[str, ...] = ()) -> Forecast:
        """
        What `request` of `owner`, who is in `groups`, would come to.

        Unknown, and why, where the repository's host does not answer; refused, and why, beyond a limit of a day.

        Raises:
            ServiceError: something else of the service is away.
        """
        async with self._slots.of(owner):
            try:
                return await self._of(request, owner, groups)
            except UserError as error:
                return Forecast(outcome=Outcome.REFUSED, problem=error)
            except Unreachable as error:
                return Forecast(outcome=Outcome.UNKNOWN, problem=error)

    async def _of(self, request: BuildRequest, owner: str, groups: tuple[str, ...]) -> Forecast:
        await self._rules.check(asked_of(request, owner))  # before anybody is asked about it
        asked = replace(await self._requests.foreseen(request, owner), groups=groups)
        request = asked.request
        await self._rules.check(asked_of(request, owner))
        commit = request.revision.commit if request.revision else ""
        if asked.found is not None:
            return Forecast(outcome=Outcome.READY, seconds=0, why=asked.found.why, commit=commit)
        await self._limits.check_stored(concerned(asked))
        if (running := await self._requests.under_way(request)) is not None:
            return Forecast(outcome=Outcome.JOINED, why=running.why, commit=commit)
        await self._limits.check_builds(concerned(asked))
        try:
            planned = await self._plan(request) if request.revision else None
        except Unreachable:
            planned = None
        if planned is not None:
            outcome = Outcome.READY if planned.there and not request.refresh else Outcome(planned.plan)
            seconds = 0 if outcome is Outcome.READY else await self._usual(planned.plan)
            return Forecast(outcome=outcome, seconds=seconds, why=planned.why, commit=commit)
        return replace(await self._by_the_past(request.spec, owner), commit=commit)

    async def _by_the_past(self, spec: Spec, owner: str) -> Forecast:
        """What earlier builds of the repository tell, else those of others."""
        columns = builds_table.c
        same = (columns.provider == spec.provider) & (columns.repository == spec.repository)
        for record in await self._ready(same, LOOKED_AT):
            theirs = record.request.spec
            if repository_key(theirs) == repository_key(spec) and theirs.reader in ("", owner) and record.plan:
                seconds = record.run_seconds or await self._usual(record.plan)
                return Forecast(outcome=Outcome(record.plan), seconds=seconds, why=record.why, earlier=True)
        return Forecast(outcome=Outcome.UNKNOWN, seconds=await self._usual(Outcome.COMPOSE))

    async def _usual(self, plan: str) -> float | None:
        """How long a build of this kind takes here."""
        columns = builds_table.c
        kind = (columns.plan == plan) & (columns.run_seconds > 0)
        taken = select(columns.run_seconds).where(kind, columns.state == Phase.READY.value)
        async with self._database.reading() as connection:
            last = await connection.execute(taken.order_by(columns.finished.desc()).limit(REMEMBERED))
            seconds = list(last.scalars())
        return median(seconds) if seconds else None

    async def _ready(self, which: ColumnElement[bool], most: int) -> list[Record]:
        """The newest builds of those that became ready, and were built for it."""
        columns = builds_table.c
        ready = select(builds_table).where(which, columns.state == Phase.READY.value, columns.run_seconds > 0)
        async with self._database.reading() as connection:
            newest = await connection.execute(ready.order_by(columns.finished.desc()).limit(most))
            return await records_of(connection, newest)
