"""One build's way into the journal: events are checked, redacted, gathered for a moment and written together.

Telling never blocks. What was told is never lost while the process lives: a write that fails is tried again, and
the end of a build is written with everything before it in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hubkiln.builds.codec import encode_built
from hubkiln.builds.events import ENDS, NEXT, Entered, Event, Log, Phase, Planned, Progress, Resolved
from hubkiln.builds.interface import BuildSettings, Built, Record
from hubkiln.builds.journal import Happened, Hold, Journal, LostBuild
from hubkiln.builds.redaction import Stream
from hubkiln.errors import ServiceError

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Pause after a write that failed."""


class Writer:
    """Writes what build `record` tells; use as a context manager, whose end stops the background task."""

    def __init__(
        self,
        journal: Journal,
        hold: Hold,
        record: Record,
        settings: BuildSettings,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`lost` is called once if the build is another process's now."""
        self._journal, self._hold, self._id, self._settings = journal, hold, record.id, settings
        self._lost, self._attempts = lost, record.attempts
        self.phase = Phase(record.state)
        self.trouble = ""
        """Why what was told last is not written yet, where that was tried."""
        self._since = time.monotonic()
        self._seconds = dict(record.seconds)
        self._began, self._before = time.monotonic(), record.run_seconds
        self._stream = Stream(journal.redactor)
        self._log_bytes = record.log_bytes  # told
        self._written_bytes = record.log_bytes  # in the journal
        self._full = record.log_bytes >= settings.log_bytes
        self._pending: list[Happened] = []
        self._changes: dict[str, Any] = {}
        self._some, self._now = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Writer:
        self._task = asyncio.create_task(self._write_as_told(), name=f"write build {self._id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        async with self._writing:  # a write under way is over
            pass

    def tell(self, event: Event) -> None:
        """Take `event`; from any thread."""
        if threading.get_ident() == self._thread:
            self._take(event)
        else:
            self._loop.call_soon_threadsafe(self._take, event)

    async def end(
        self, phase: Phase, *, built: Built | None = None, error: dict[str, str] | None = None, died: bool = False
    ) -> None:
        """
        Write all that was told, and the end; does not return before it is written.

        With ``QUEUED`` the build is given back, for another process to begin it anew; with `died` that counts.

        Raises:
            LostBuild: the build is another process's now.
        """
        self._take(Entered(phase))
        if self.phase is not phase:
            raise ValueError(f"a build cannot go from {self.phase} to {phase}")
        redact = self._journal.redactor.text
        self._changes["state"] = phase.value
        self._changes["run_seconds"] = round(self._before + time.monotonic() - self._began, 3)
        if died:
            self._changes["attempts"] = self._attempts
        if phase in ENDS:
            self._changes["finished"] = self._journal.now()
        if built is not None:
            self._changes["seconds"] = self._seconds | built.seconds
            self._changes |= {"built": encode_built(built), "commit": built.commit, "plan": built.plan}
            self._changes["why"] = [redact(reason) for reason in built.why]
        if error is not None:
            self._changes["error"] = {key: redact(value) for key, value in error.items()}
        await self._flush_until_written()

    def _take(self, event: Event) -> None:
        match event:
            case Log(text):
                if not self._full:  # what is dropped need not be redacted
                    self._add_log(self._stream.add(text))
            case Entered(phase):
                self._enter(phase)
            case Progress() if self._pending and isinstance(self._pending[-1].event, Progress):
                self._pending[-1] = Happened(self._journal.now(), event)
            case _:
                self._note(self._journal.redactor.event(event))

    def _note(self, event: Event) -> None:
        self._add(event)
        match event:
            case Resolved(commit):
                self._changes["commit"] = commit
            case Planned(plan, why):
                self._changes |= {"plan": plan, "why": list(why)}

    def _enter(self, phase: Phase) -> None:
        if phase is self.phase:
            return
        if phase not in NEXT[self.phase]:
            log.error("illegal phase", extra={"action": "build_phase", "build": self._id, "phase": phase.value})
            return
        self._add_log(self._stream.rest())
        spent = time.monotonic() - self._since
        self._seconds[self.phase.value] = round(self._seconds.get(self.phase.value, 0.0) + spent, 3)
        if self.phase is Phase.QUEUED:
            self._changes["started"] = self._journal.now()
        self.phase, self._since = phase, time.monotonic()
        self._changes |= {"state": phase.value, "seconds": dict(self._seconds)}
        self._add(Entered(phase))
        self._now.set()

    def _add_log(self, text: str) -> None:
        if not text or self._full:
            return
        room = self._settings.log_bytes - self._log_bytes
        if len(text.encode()) > room:
            self._full = True
            text = text.encode()[:room].decode("utf-8", "ignore")
            size = f"{self._settings.log_bytes / 1024**2:g} MiB"
            text += f"\n[This log is longer than {size}; the rest is not kept.]\n"
        self._log_bytes += len(text.encode())
        last = self._pending[-1].event if self._pending else None
        if isinstance(last, Log) and len(last.text) + len(text) <= self._settings.flush_bytes:
            self._pending[-1] = Happened(self._pending[-1].at, Log(last.text + text))
        else:
            self._add(Log(text))
        if len(text) >= self._settings.flush_bytes or len(self._pending) > 64:
            self._now.set()

    def _add(self, event: Event) -> None:
        self._pending.append(Happened(self._journal.now(), event))
        self._some.set()

    async def _write_as_told(self) -> None:
        """Until cancelled: wait for something, give it a moment to be more, write it."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.flush_seconds):
                    await self._now.wait()
            self._some.clear()
            self._now.clear()
            try:
                await self._flush_until_written()
            except LostBuild:
                log.warning("build taken away", extra={"action": "build_lost", "build": self._id})
                return self._lost()

    async def _flush_until_written(self) -> None:
        while True:
            try:
                # a write that was begun is always finished, or nobody would know whether it was done
                await asyncio.shield(asyncio.ensure_future(self._flush()))
                self.trouble = ""
                return
            except LostBuild:
                raise
            except ServiceError as error:
                self.trouble = error.message
                log.warning(
                    "journal not written", extra={"action": "build_write", "build": self._id, "error": str(error)}
                )
                await asyncio.sleep(AGAIN_SECONDS)

    async def _flush(self) -> None:
        async with self._writing:
            pending, changes = self._pending, self._changes
            if not pending and not changes:
                return
            self._pending, self._changes = [], {}
            added = sum(len(one.event.text.encode()) for one in pending if isinstance(one.event, Log))
            try:
                await self._journal.append(self._id, self._hold, pending, changes, self._written_bytes)
            except ServiceError:
                self._pending, self._changes = pending + self._pending, changes | self._changes
                raise
            self._written_bytes += added
