"""
Run as a program by ``load.py``: the real service, as JupyterHub would start it, over builders that take their time.

``load_service.py DATABASE KIND [GATE]``. Nothing is looked up, fetched or built: the service is measured.

* ``cached``: whatever is asked for is there.
* ``talking``: each build tells 10,000 lines in 50 seconds, each with the time at which it was told.
* ``short``: each build takes a twentieth of a second, once the file GATE is there; four are made at once.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from hubkiln.builds import BuildRequest, BuildSettings, Built, Entered, Log, Phase, Sources, Tell
from hubkiln.database import open_database
from hubkiln.testing.builds import COMMIT, SCRIPT, FakeBuilder
from hubkiln.testing.service import usual_offer
from hubkiln.values import Revision, Spec
from hubkiln.web import HubEnvironment, serve_web

LINES, PER_SECOND = 10_000, 200


class Talking(FakeBuilder):
    """Tells lines at an even pace, once somebody has begun to listen."""

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.Builder`."""
        await asyncio.sleep(20)  # for everybody to come
        tell(Entered(Phase.RESOLVING))
        tell(Entered(Phase.FETCHING))
        begin = time.monotonic()
        for number in range(LINES):
            await asyncio.sleep(max(0, begin + number / PER_SECOND - time.monotonic()))
            tell(Log(f"line {number} at {time.monotonic():.4f}\n"))
        return await super().build(request, tell)


class Short(FakeBuilder):
    """Takes a twentieth of a second, once there is the file that opens the way."""

    def __init__(self, gate: Path | None) -> None:
        super().__init__()
        self._gate = gate

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.Builder`."""
        while self._gate is not None and not self._gate.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.05)
        return await super().build(request, tell)


async def resolve(spec: Spec) -> Revision:
    """Every ref is the same commit."""
    return Revision(spec=spec, commit=COMMIT, url=f"https://example.org/{spec.repository}", name="r")


async def present(built: Built) -> bool:
    """It is there."""
    return True


async def main(url: str, kind: str, gate: str = "") -> None:
    """Serve until told to stop."""
    builders = {"cached": FakeBuilder(), "talking": Talking(SCRIPT[4:]), "short": Short(Path(gate) if gate else None)}
    database = await open_database(url)
    try:
        await serve_web(
            builders[kind],
            database,
            HubEnvironment.read(),
            usual_offer(sources=Sources(resolve=resolve, present=present if kind == "cached" else None)),
            builds=BuildSettings(at_once=4),
        )
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
