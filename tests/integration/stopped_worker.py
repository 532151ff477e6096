"""Run as a program: a process of the service that stands still while it builds, and goes on when it is told to.

``stopped_worker.py DATABASE``, as on another machine: it has a place of its own. It says when it begins, and ends the
build when a line comes; the result is not that of whoever builds the same besides.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.interface import BuildRequest, BuildSettings, Built, Tell
from hubkiln.builds.jobs import compose
from hubkiln.database.engine import database_at
from hubkiln.testing.builds import BUILT

LATE = replace(BUILT, image="registry.example.org/late@sha256:" + "1" * 64)
SETTINGS = BuildSettings(flush_seconds=0.001, beat_seconds=0.1, poll_seconds=0.05, dead_after_seconds=1.5, at_once=1)


class Waiting:
    """Builds at once what comes after the first."""

    first = True

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        tell(Entered(Phase.RESOLVING))
        if self.first:
            self.first = False
            print("begun", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
        return LATE


async def main(url: str) -> None:
    """Build until somebody ends it."""
    async with database_at(url) as database:
        jobs = compose(Waiting(), database, replace(SETTINGS, dead_after_seconds=60))
        await jobs.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
