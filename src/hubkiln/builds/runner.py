"""Builds what waits: claims as many builds at once as this process may run, and says that it lives.

Nothing true is kept here. What runs is in the tables with our name on it; when we stop it goes back to the queue, and
when we die, others see that and give it back for us.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from hubkiln.builds.claims import Claims
from hubkiln.builds.current import CurrentBuild, current_build
from hubkiln.builds.events import Event, Phase
from hubkiln.builds.interface import Builder, BuildSettings, Built, OnReady, Record
from hubkiln.builds.journal import QUEUE, STOPS, Hold, Journal, LostBuild
from hubkiln.builds.recorded import Recorded
from hubkiln.builds.workers import Workers
from hubkiln.builds.writer import Writer
from hubkiln.database import Bell, patiently
from hubkiln.errors import ServiceError
from hubkiln.later import lasting

log = logging.getLogger(__name__)

TIDY_SECONDS = 3600.0
"""How often old logs are looked for."""

OUTAGE_SECONDS = 300.0
"""How long a build that is made waits for a database that is away before it is given up."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Running:
    current: CurrentBuild
    writer: Writer
    task: asyncio.Task[None] | None = None
    ending: Phase = Phase.CANCELLED
    stopping: bool = False
    served: frozenset[str] = frozenset()
    """Users for whom the listeners have been told that it is ready."""

    def stop(self, ending: Phase) -> None:
        """Cancel it once; a second cancellation would cut its own cleaning up short."""
        if not self.stopping and self.task is not None:
            self.stopping, self.ending = True, ending
            self.current.handed_on = ending is Phase.QUEUED
            self.task.cancel()


class Runner:
    """Builds with `builder` until it is told to stop."""

    def __init__(
        self,
        builder: Builder,
        journal: Journal,
        claims: Claims,
        workers: Workers,
        bell: Bell,
        settings: BuildSettings,
        on_ready: Sequence[OnReady] = (),
    ) -> None:
        self._builder, self._journal, self._claims, self._workers = builder, journal, claims, workers
        self._bell, self._settings, self._on_ready = bell, settings, tuple(on_ready)
        self._live: dict[str, _Running] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._free = asyncio.Event()
        self._no_beat = ""

    @property
    def trouble(self) -> str:
        """Why this process could not say last that it lives, or what a build of its tells; empty where it could."""
        return self._no_beat or next((one.writer.trouble for one in self._live.values() if one.writer.trouble), "")

    async def start(self) -> None:
        """Say that we live, take over from the dead, and begin."""
        await self._workers.beat()
        await self._take_over()
        loops = {"beat": self._beat_for_ever, "claim": self._claim_for_ever, "heed stops": self._heed_for_ever}
        loops["tidy"] = self._tidy_for_ever
        self._loops = [asyncio.create_task(lasting(name, loop), name=name) for name, loop in loops.items()]

    async def stop(self) -> None:
        """Stop what runs, give it back to the queue, and take leave."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        tasks = [running.task for running in self._live.values() if running.task]
        for running in list(self._live.values()):
            running.stop(Phase.QUEUED)
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=self._settings.stop_seconds)
            for task in left:  # the database is away: whoever finds us dead gives it back
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        with suppress(ServiceError):
            await self._claims.give_back(self._workers.id, died=False)  # what was claimed in the last moment
            await self._workers.forget(self._workers.id)

    async def _claim_for_ever(self) -> None:
        while True:
            changed, self._free = self._bell.next(QUEUE), asyncio.Event()
            if len(self._live) < self._settings.at_once:
                record = await _or_none(self._claims.claim(self._workers.id), "queue_claim")
                if record is not None:
                    self._begin(record)
                    continue
            await first_of(changed, self._free, seconds=self._settings.poll_seconds)

    async def _heed_for_ever(self) -> None:
        """Stop what nobody wants any more, from whatever process it was cancelled."""
        while True:
            asked = self._bell.next(STOPS)
            for id in await _or_none(self._journal.stops_asked(self._workers.id), "build_stops") or ():
                if running := self._live.get(id):
                    running.stop(Phase.CANCELLED)
            await first_of(asked, seconds=self._settings.poll_seconds)

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.beat_seconds)
            try:
                await self._workers.beat()
                await self._take_over()
                self._no_beat = ""
            except ServiceError as error:
                self._no_beat = error.message
                log.warning("no beat", extra={"action": "worker_beat", "error": str(error)})

    async def _tidy_for_ever(self) -> None:
        settings = self._settings
        while True:
            forgetting = self._journal.forget_logs(settings.keep_logs_seconds, settings.keep_logs_bytes)
            if count := await _or_none(forgetting, "build_logs"):
                log.info("logs removed", extra={"action": "build_logs", "count": count})
            await asyncio.sleep(TIDY_SECONDS)

    async def _take_over(self) -> None:
        for worker in await self._workers.dead():
            for id in await self._claims.give_back(worker):
                log.warning("build given back", extra={"action": "build_given_back", "build": id})
            await self._workers.forget(worker)

    def _begin(self, record: Record) -> None:
        if lost := self._live.get(record.id):  # others took us for dead; what we told of it meanwhile is nobody's
            lost.stop(Phase.QUEUED)
        hold = Hold(self._workers.id, record.attempts)
        writer = Writer(self._journal, hold, record, self._settings, lambda: running.stop(Phase.QUEUED))
        running = self._live[record.id] = _Running(CurrentBuild(record.id), writer)
        running.task = asyncio.create_task(self._run(record, hold, running), name=f"build {record.id}")

    async def _run(self, record: Record, hold: Hold, running: _Running) -> None:
        current_build.set(running.current)

        async def before_ready(built: Built) -> None:
            if not await patiently(lambda: self._tell_ready(record.id, running, built, hold), OUTAGE_SECONDS):
                raise LostBuild()

        log.info("build started", extra={"action": "build_start", "build": record.id, "attempt": record.attempts})
        try:
            async with running.writer as writer:
                recorded = Recorded(
                    self._builder,
                    writer,
                    stopped=lambda: running.ending,
                    before_ready=before_ready,
                    deaths=record.attempts,
                    allowed=self._settings.attempts,
                )
                built = await recorded.build(record.request, _nobody)
                await patiently(
                    lambda: self._tell_ready(record.id, running, built), OUTAGE_SECONDS
                )  # for whoever joined in the last moment
        except (asyncio.CancelledError, Exception) as error:  # in the journal by now, as far as it can be
            log.info("build ended", extra={"action": "build_end", "build": record.id, "error": type(error).__name__})
        else:
            log.info("build ready", extra={"action": "build_end", "build": record.id})
        finally:
            if self._live.get(record.id) is running:
                del self._live[record.id]
            self._free.set()

    async def _tell_ready(self, id: str, running: _Running, built: Built, hold: Hold | None = None) -> bool:
        """Let the listeners know, unless they know already that it is for these users; False if it is not `hold`'s."""
        if hold is not None and not await self._journal.holds(id, hold):
            return False
        record = await self._journal.record(id)
        if set(record.wanting) <= running.served:
            return True
        record = replace(record, built=built, commit=built.commit, plan=built.plan, why=built.why)
        for listener in self._on_ready:
            await listener(record)
        running.served = frozenset(record.wanting)
        return True


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for one of `events`, at most so many `seconds`; None for however long it takes."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _or_none(call: Awaitable[T], action: str) -> T | None:
    """What `call` gives; None while the database is away."""
    try:
        return await call
    except ServiceError as error:
        log.warning("database away", extra={"action": action, "error": str(error)})
        return None


def _nobody(event: Event) -> None:
    """Nobody else listens: followers read the journal."""
