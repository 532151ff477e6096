"""Builds what is scheduled while the service runs, whichever of its processes; see :mod:`hubkiln.builds.schedules`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hubkiln.builds import Jobs, Notices, Phase, Schedule, Schedules
from hubkiln.database import Database
from hubkiln.errors import HubkilnError, NotFound, ServiceError
from hubkiln.later import lasting
from hubkiln.web.auth import Kind, owner_of

log = logging.getLogger(__name__)

OWNER = owner_of(Kind.SERVICE, "schedules")
"""Whose the builds are, for limits and in the list."""

PRIORITY = -2
"""People who wait go first, and pushes that somebody has just made."""

LOOK_SECONDS = 5.0
"""How often the table is looked at."""


class Scheduling:
    """Does what is due while it runs."""

    def __init__(
        self, jobs: Jobs, database: Database, schedules: Schedules | None = None, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._jobs, self._look_seconds = jobs, look_seconds
        self._schedules, self._notices = schedules or Schedules(database), Notices(database)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Meanwhile it runs; what it was at in the end is done by whoever comes next."""
        looking = lasting("build what is scheduled", self._forever, self._look_seconds)
        task = asyncio.create_task(looking, name="build what is scheduled")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def once(self) -> None:
        """Do what is due now."""
        while taken := await self._schedules.take():
            await self._do(taken)

    async def _forever(self) -> None:
        while True:
            try:
                await self.once()
            except HubkilnError as error:
                log.warning("what is scheduled is not built", extra={"action": "schedule", "error": error.message})
            await asyncio.sleep(self._look_seconds)

    async def _do(self, taken: Schedule) -> None:
        if taken.build is None:
            await self._ask(taken)
            return
        try:
            record = await self._jobs.record(taken.build)
        except NotFound:  # it was long ago, and its record is gone
            await self._ask(taken)
            return
        if not record.ended:
            await self._schedules.under_way(taken, record.id)
            return
        phase, image = Phase(record.state), record.built.image if record.built else None
        values = {"action": "schedule", "build": record.id, "phase": record.state}
        log.info("a scheduled build ended", extra=values)
        await self._schedules.ended(taken, phase, dict(record.error) if record.error else None, image)

    async def _ask(self, taken: Schedule) -> None:
        owner = OWNER if taken.times else taken.author
        try:
            record, _ = await self._jobs.submit(taken.request, owner, priority=PRIORITY, supersede=True)
        except HubkilnError as error:
            phase = Phase.INTERRUPTED if isinstance(error, ServiceError) else Phase.FAILED
            log.warning("what is scheduled is not built", extra={"action": "schedule", "error": error.message})
            await self._schedules.ended(taken, phase, error, None)
            return
        if not taken.times and (before := taken.build or taken.last_build):  # the forge hears of the new try
            await self._notices.hand_on(before, record.id)
        await self._schedules.under_way(taken, record.id)
