"""Run as a program: a process of the service that kills itself in the state that its build is named after.

``dying_worker.py DATABASE STATE``. It asks for the build itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.interface import BuildRequest, BuildSettings, Built, Record, Tell
from hubkiln.builds.jobs import compose
from hubkiln.database.engine import database_at
from hubkiln.testing.builds import BUILT
from hubkiln.values import Spec

STATES = (
    "queued",
    "resolving",
    "fetching",
    "planning",
    "locking",
    "building",
    "pushing",
    "verifying",
    "told",
    "written",
)
"""Phases; then when the listeners have been told of a success that is not recorded yet, and when it is."""

PHASES = (
    Phase.RESOLVING,
    Phase.FETCHING,
    Phase.PLANNING,
    Phase.LOCKING,
    Phase.BUILDING,
    Phase.PUSHING,
    Phase.VERIFYING,
)


def request(state: str) -> BuildRequest:
    """For a build that is named after a state."""
    return BuildRequest(spec=Spec(provider="gh", repository=f"state/{state}"))


class Suicidal:
    """Goes through all phases and kills the process in one of them, when it has been recorded."""

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        state = request.spec.repository.removeprefix("state/")
        for phase in PHASES:
            tell(Entered(phase))
            if phase.value == state:
                await recorded(state)
                die()
        return BUILT


def die() -> None:
    """As the kernel ends what takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


async def recorded(state: str) -> None:
    """Return when the journal has what was told; its own process asks in its own connection."""
    async with database_at(sys.argv[1]) as database:
        jobs = compose(Suicidal(), database, BuildSettings(at_once=0))
        (record,) = [one for one in await jobs.listing(None) if one.request == request(state)]
        async for told in jobs.follow(record.id):
            if told.event == Entered(Phase(state)):
                return


async def main(url: str, state: str) -> None:
    """Live until the state comes."""

    async def told(record: Record) -> None:
        if state == "told":
            die()

    async with database_at(url) as database:
        settings = BuildSettings(flush_seconds=0.001, poll_seconds=0.02, at_once=0 if state == "queued" else 1)
        jobs = compose(Suicidal(), database, settings, [told])
        await jobs.start()
        record, _ = await jobs.submit(request(state), "ada")
        if state != "queued":
            async for _ in jobs.follow(record.id):
                pass
        die()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
