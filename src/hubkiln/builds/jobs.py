"""Runs builds and lets people follow them: the service owns a build, visitors only listen.

Whoever asks for what is already being built joins it. A closed tab stops nothing; the last user who cancels does.
What is running here is fed from memory; everything else, and everything older, comes from the journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from hubkiln.builds.events import ENDS, Entered, Event, Phase
from hubkiln.builds.feed import Feed
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings, Built, OnReady, Record, Told
from hubkiln.builds.journal import Journal
from hubkiln.builds.limited import Limited, Timed
from hubkiln.builds.queue import Queue
from hubkiln.builds.recorded import Recorded
from hubkiln.builds.redaction import Redactor
from hubkiln.builds.requests import Requests, Sources
from hubkiln.builds.workers import Workers
from hubkiln.builds.writer import Writer
from hubkiln.database import Database
from hubkiln.errors import Conflict, Interrupted, ServiceError

log = logging.getLogger(__name__)

STOP_SECONDS = 15.0
"""How long a cancellation is waited for; a builder needs a few seconds to end what it started."""


@dataclass(eq=False, slots=True)
class _Job:
    feed: Feed
    task: asyncio.Task[None] | None = None
    ending: Phase = Phase.CANCELLED
    stopping: bool = False
    served: frozenset[str] = frozenset()
    """Users for whom the listeners have been told that it is ready."""

    def stop(self, ending: Phase) -> None:
        """Cancel it once; a second cancellation would cut its own cleaning up short."""
        if not self.stopping and self.task is not None:
            self.stopping, self.ending = True, ending
            self.task.cancel()


class Jobs:
    """The builds of this service; :meth:`start` before use, :meth:`stop` at the end."""

    def __init__(
        self,
        builder: Builder,
        journal: Journal,
        queue: Queue,
        requests: Requests,
        workers: Workers,
        settings: BuildSettings | None = None,
        on_ready: Sequence[OnReady] = (),
    ) -> None:
        self._builder, self._journal, self._workers = builder, journal, workers
        self._queue, self._requests = queue, requests
        self._settings = settings or BuildSettings()
        self._on_ready = tuple(on_ready)
        self._live: dict[str, _Job] = {}
        self._beating: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        """Set once :meth:`stop` has ended everything; streams should end too."""
        self._closed = False

    async def start(self) -> None:
        """Close the records of builds whose process died, and begin to beat."""
        await self._workers.beat()
        await self._bury_the_dead()
        self._beating = asyncio.create_task(self._beat_for_ever(), name="beat")

    async def stop(self) -> None:
        """Cancel what runs, record it as interrupted, and let every follower go."""
        self._closed = True
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        tasks = [job.task for job in self._live.values() if job.task]
        for job in list(self._live.values()):
            job.stop(Phase.INTERRUPTED)
        if tasks:
            await asyncio.wait(tasks)
        self.stopping.set()
        with suppress(ServiceError):
            await self._workers.forget(self._workers.id)

    async def submit(self, request: BuildRequest, owner: str) -> tuple[Record, bool]:
        """
        Start a build, or join the one under way with an equal request; says whether it was joined.

        What was built before and is still there is ready at once.

        Raises:
            BadSpec: the request must not be recorded; Interrupted: the service is stopping.
        """
        if self._closed:
            raise Interrupted("The build service is stopping.", hint="Try again in a moment.")
        asked = await self._requests.asked(request, owner)
        record, joined = await self._queue.add(asked, self._workers.id)
        if record.ended:
            for listener in self._on_ready:
                await listener(record)
        elif not joined:
            job = self._live[record.id] = _Job(Feed(record.last_seq))
            job.task = asyncio.create_task(self._run(record, job), name=f"build {record.id}")
            if self._closed:
                job.stop(Phase.INTERRUPTED)
        return record, joined

    async def retry(self, id: str, user: str) -> tuple[Record, bool]:
        """
        The same request as an ended build's, asked again by `user`; its ref is looked up anew.

        Raises:
            NotFound; Conflict: it has not ended.
        """
        record = await self._journal.record(id)
        if not record.ended:
            raise Conflict("The build is still running.", hint="Wait for it, or cancel it first.")
        spec = record.spec_of(user)
        return await self.submit(replace(record.request, spec=spec, revision=None), user)

    async def cancel(self, id: str, user: str, *, everybody: bool = False) -> Record:
        """
        `user` leaves the build; it stops when nobody wants it any more, or at once with `everybody`.

        Raises:
            NotFound: no such build of this user; Conflict: it has ended.
        """
        record = await self._journal.leave(id, user, everybody=everybody)
        if not record.wanting and (job := self._live.get(id)) and job.task:
            job.stop(Phase.CANCELLED)
            await asyncio.wait({job.task}, timeout=STOP_SECONDS)
        return await self._journal.record(id)

    async def record(self, id: str) -> Record:
        """Raises NotFound."""
        return await self._journal.record(id)

    async def listing(self, user: str | None, limit: int = 50) -> list[Record]:
        """Builds that `user` asked for or joined, newest first; None for everybody's."""
        return await self._journal.listing(user, limit)

    async def log(self, id: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of the log from `start` up to, not including, `end`."""
        return await self._journal.log(id, start, end)

    async def follow(self, id: str, after: int = 0) -> AsyncIterator[Told]:
        """
        Every event after number `after`: those that were, then each as it happens, none missing and none twice.

        Ends after the build's last event, or when the service stops.

        Raises:
            NotFound: there is no such build.
        """
        await self._journal.record(id)
        while True:
            job = self._live.get(id)
            more = job.feed.more() if job else None
            told = job.feed.since(after) if job else None
            if told is None:
                told = await self._journal.events(id, after)
            for one in told:
                yield one
                after = one.seq
                if isinstance(one.event, Entered) and one.event.phase in ENDS:
                    return
            if told:
                continue
            if more is not None:
                await more.wait()
            elif await self._over(id, after):
                return

    async def _over(self, id: str, after: int) -> bool:
        """True when a build that does not run here has nothing more to tell; waits a little if it has."""
        if id in self._live:
            return False
        record = await self._journal.record(id)
        if record.ended:
            return record.last_seq <= after
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds):
                await self.stopping.wait()
        return self.stopping.is_set()

    async def _run(self, record: Record, job: _Job) -> None:
        def lost() -> None:
            job.stop(Phase.INTERRUPTED)

        async def before_ready(built: Built) -> None:
            await self._tell_ready(record.id, job, built)

        writer = Writer(self._journal, self._workers.id, record, self._settings, job.feed.publish, lost)
        log.info("build started", extra={"action": "build_start", "build": record.id})
        try:
            async with writer:
                recorded = Recorded(self._builder, writer, stopped=lambda: job.ending, before_ready=before_ready)
                built = await recorded.build(record.request, _nobody)
                await self._tell_ready(record.id, job, built)  # for whoever joined in the last moment
        except (asyncio.CancelledError, Exception) as error:  # in the journal by now, as far as it can be
            log.info("build ended", extra={"action": "build_end", "build": record.id, "error": type(error).__name__})
        else:
            log.info("build ready", extra={"action": "build_end", "build": record.id})
        finally:
            del self._live[record.id]
            job.feed.wake()

    async def _tell_ready(self, id: str, job: _Job, built: Built) -> None:
        """Let the listeners know, unless they know already that it is for these users."""
        record = await self._journal.record(id)
        if set(record.wanting) <= job.served:
            return
        record = replace(record, built=built, commit=built.commit, plan=built.plan, why=built.why)
        for listener in self._on_ready:
            await listener(record)
        job.served = frozenset(record.wanting)

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.beat_seconds)
            try:
                await self._workers.beat()
                for id in await self._journal.stops_asked(self._workers.id):
                    if job := self._live.get(id):
                        job.stop(Phase.CANCELLED)
                await self._bury_the_dead()
            except ServiceError:
                log.exception("no beat", extra={"action": "worker_beat"})

    async def _bury_the_dead(self) -> None:
        for worker in await self._workers.dead():
            for id in await self._journal.interrupt(worker):
                log.warning("build interrupted", extra={"action": "build_interrupted", "build": id})
            await self._workers.forget(worker)


def _nobody(event: Event) -> None:
    """Nobody else listens: followers read the feed."""


def compose(
    builder: Builder,
    database: Database,
    settings: BuildSettings | None = None,
    on_ready: Sequence[OnReady] = (),
    sources: Sources | None = None,
) -> Jobs:
    """Jobs over `builder`, so many at once and so long as `settings` say, recorded in `database`."""
    settings = settings or BuildSettings()
    redactor = Redactor(settings.secrets)
    queue = Queue(database, redactor)
    return Jobs(
        Limited(Timed(builder, settings.seconds), settings.at_once),
        Journal(database, redactor),
        queue,
        Requests(queue, sources or Sources(), settings),
        Workers(database, timedelta(seconds=settings.dead_after_seconds)),
        settings,
        on_ready,
    )
