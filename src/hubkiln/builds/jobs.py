"""What the service offers about builds: ask, follow, read, cancel, ask again.

A request is recorded and no more; whichever process has a place free builds it (:mod:`hubkiln.builds.runner`). Whoever
asks for what is under way joins it. A closed tab stops nothing; the last user who cancels does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import timedelta

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Phase
from hubkiln.builds.followers import Followers
from hubkiln.builds.forecasts import Forecasts
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings, Built, OnReady, Record, Told
from hubkiln.builds.journal import Journal
from hubkiln.builds.limits import Limits
from hubkiln.builds.queue import Queue, concerned
from hubkiln.builds.redaction import Redactor
from hubkiln.builds.requests import Requests, Sources
from hubkiln.builds.rules import RuleKind, Rules, asked_of
from hubkiln.builds.runner import Runner
from hubkiln.builds.standing import Kept, Standing
from hubkiln.builds.timed import Timed
from hubkiln.builds.workers import Workers
from hubkiln.database import Database
from hubkiln.errors import Conflict, Interrupted

STOP_SECONDS = 15.0
"""How long a cancellation is waited for; a builder needs a few seconds to end what it started."""


class Jobs:
    """The builds of this service; :meth:`start` before use, :meth:`stop` at the end."""

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        requests: Requests,
        claims: Claims,
        runner: Runner,
        followers: Followers,
        rules: Rules,
        forecasts: Forecasts,
        limits: Limits,
        standing: Standing,
        on_ready: Sequence[OnReady] = (),
    ) -> None:
        self.rules = rules
        """What an admin forbids."""
        self.forecasts = forecasts
        """What requests would come to."""
        self.limits = limits
        """How much users may have."""
        self._journal, self._queue, self._requests, self._claims = journal, queue, requests, claims
        self._runner, self._followers, self._on_ready = runner, followers, tuple(on_ready)
        self._standing = standing
        self.stopping = followers.stopping
        """Set once :meth:`stop` has ended everything; streams should end too."""
        self._closed = False

    async def start(self) -> None:
        """Take over from processes that died, and begin to build what waits."""
        await self._runner.start()

    async def stop(self) -> None:
        """Give what runs back to the queue, and let every follower go."""
        self._closed = True
        await self._runner.stop()
        self.stopping.set()
        await self._standing.close()

    async def submit(
        self,
        request: BuildRequest,
        owner: str,
        *,
        groups: tuple[str, ...] = (),
        priority: int = 0,
        supersede: bool = False,
        resources: Mapping[str, str] | None = None,
    ) -> tuple[Record, bool]:
        """
        Record a build, or join the one under way with an equal request; says whether it was joined.

        What was built before and is still there is ready at once. With `supersede`, the owner leaves their builds of
        older commits of the same branch that nobody has begun. What is built keeps `resources` for them, in the end.

        Raises:
            BadSpec: the request must not be recorded; Refused: a rule forbids it; LimitReached: the owner has asked
            for enough; Interrupted: the service is stopping.
        """
        if self._closed:
            raise Interrupted("The build service is stopping.", hint="Try again in a moment.")
        first = asked_of(request, owner)
        await self.rules.check(first)  # before anybody is asked about it
        asked = replace(await self._requests.asked(request, owner, groups, priority), resources=resources or {})
        if (then := asked_of(asked.request, owner)) != first:
            await self.rules.check(then)
        if asked.found is None:
            await self.limits.check_stored(concerned(asked))
        record, joined = await self._queue.add(asked)
        if record.ended:
            for listener in self._on_ready:
                await listener(record)
            if not record.request.spec.reader:
                self._standing.answered(request, owner)
        if supersede:
            await self._leave_older(record, owner)
        return record, joined

    async def standing(self, request: BuildRequest, owner: str, told: Mapping[RuleKind, str]) -> Built | None:
        """
        What `owner` asked for and has, if it stands and nothing forbids it: an answer that nothing is recorded of.

        None where :meth:`submit` must find out. `told` is what rules may say of whoever asks, besides their name.
        """
        return None if self._closed else await self._standing.find(request, owner, told)

    async def _leave_older(self, newer: Record, owner: str) -> None:
        for older in await self._journal.waiting(owner):
            same = older.spec_of(owner) == newer.spec_of(owner) and older.request.as_of == newer.request.as_of
            if same and older.id != newer.id:
                with suppress(Conflict):  # it ended meanwhile
                    await self._journal.leave(older.id, owner)

    async def retry(self, id: str, user: str, groups: tuple[str, ...] = ()) -> tuple[Record, bool]:
        """
        The same request as an ended build's, asked again by `user`; its ref is looked up anew.

        Raises:
            NotFound; Conflict: it has not ended.
        """
        record = await self._journal.record(id)
        if not record.ended:
            raise Conflict("The build is still running.", hint="Wait for it, or cancel it first.")
        spec = record.spec_of(user)
        request, resources = replace(record.request, spec=spec, revision=None), record.resources.get(user)
        return await self.submit(request, user, groups=groups, resources=resources)

    async def cancel(self, id: str, user: str, *, everybody: bool = False) -> Record:
        """
        `user` leaves the build; it stops when nobody wants it any more, or at once with `everybody`.

        Raises:
            NotFound: no such build of this user; Conflict: it has ended, or they have left it before.
        """
        record = await self._journal.leave(id, user, everybody=everybody)
        if not record.wanting and not record.ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS), aclosing(self.follow(id, record.last_seq)) as rest:
                    async for _ in rest:
                        pass
        return await self.record(id)

    async def record(self, id: str) -> Record:
        """Raises NotFound."""
        return (await self._placed([await self._journal.record(id)]))[0]

    async def listing(self, user: str | None, limit: int = 50) -> list[Record]:
        """Builds that `user` asked for or joined, newest first; None for everybody's."""
        return await self._placed(await self._journal.listing(user, limit))

    async def log(self, id: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of the log from `start` up to, not including, `end`."""
        return await self._journal.log(id, start, end)

    @property
    def trouble(self) -> str:
        """Why nothing can be recorded, as of the last beat; empty where it can."""
        return self._runner.trouble

    def follow(self, id: str, after: int = 0) -> AsyncGenerator[Told]:
        """
        Every event after number `after`: those that were, then each as it happens, none missing and none twice.

        Ends after the build's last event, or when the service stops. Places in the queue come between, with the
        number of the event before them.

        Raises:
            NotFound: there is no such build.
        """
        return self._followers.follow(id, after)

    async def _placed(self, records: list[Record]) -> list[Record]:
        if all(record.state != Phase.QUEUED for record in records):
            return records
        places = await self._claims.places()
        found = [(record, places.get(record.id)) for record in records]
        return [
            replace(record, queue_position=place.position, queue_seconds=place.seconds) if place else record
            for record, place in found
        ]


def compose(
    builder: Builder,
    database: Database,
    settings: BuildSettings | None = None,
    on_ready: Sequence[OnReady] = (),
    sources: Sources | None = None,
    kept: Kept | None = None,
) -> Jobs:
    """Jobs over `builder`, so many at once and so long as `settings` say, recorded in `database`."""
    settings = settings or BuildSettings()
    redactor, bell = Redactor(settings.secrets), database.bell
    journal, claims = Journal(database, redactor), Claims(database, settings.attempts, quotas=settings.quotas)
    queue = Queue(database, redactor, quotas=settings.quotas)
    sources = sources or Sources()
    requests, rules = Requests(queue, sources, settings), Rules(database)
    limits = Limits(database, settings.quotas, sources.stored)
    workers = Workers(database, timedelta(seconds=settings.dead_after_seconds), slots=settings.at_once)
    return Jobs(
        journal,
        queue,
        requests,
        claims,
        Runner(
            Timed(builder, settings.seconds, settings.silence_seconds),
            journal,
            claims,
            workers,
            bell,
            settings,
            on_ready,
        ),
        Followers(journal, claims, bell, settings, asyncio.Event()),
        rules,
        Forecasts(database, requests, rules, limits, sources.plan),
        limits,
        Standing(database, requests, rules, kept),
        on_ready,
    )
