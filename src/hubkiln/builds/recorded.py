"""A builder that leaves nothing untold: whatever way the build ends, the journal says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hubkiln.builds.events import Event, Log, Phase, check
from hubkiln.builds.interface import BROKE, BROKE_HINT, DIED_HINT, BuildDied, Builder, BuildRequest, Built, Tell
from hubkiln.builds.journal import CANCELLED
from hubkiln.builds.writer import Writer
from hubkiln.errors import HubkilnError

log = logging.getLogger(__name__)

STOPPED = "\nThe service was stopped; the build begins anew when it is back.\n"
OURS = {"code": HubkilnError.code, "message": BROKE, "hint": BROKE_HINT}


class Recorded:
    """
    Builds once with `inner` and writes all of it with `writer`.

    `stopped` says what a cancellation means: ``CANCELLED`` by users, ``QUEUED`` by a shutdown. `before_ready`
    is awaited with the result of a success, before the record says so. `deaths` says how many processes have died of
    the build, the one that dies now included; with the last that is allowed it is given up, before that it goes back.
    """

    def __init__(
        self,
        inner: Builder,
        writer: Writer,
        *,
        stopped: Callable[[], Phase] = lambda: Phase.CANCELLED,
        before_ready: Callable[[Built], Awaitable[None]] | None = None,
        deaths: int = 1,
        allowed: int = 1,
    ) -> None:
        self._inner, self._writer, self._stopped, self._before_ready = inner, writer, stopped, before_ready
        self._deaths, self._allowed = deaths, allowed

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""

        def both(event: Event) -> None:
            self._writer.tell(event)
            tell(event)

        try:
            built = await self._inner.build(request, both)
            check(self._writer.phase, Phase.READY)
            if self._before_ready is not None:
                await self._before_ready(built)
        except asyncio.CancelledError:
            phase = self._stopped()
            if phase is Phase.QUEUED:
                self._writer.tell(Log(STOPPED))
            await self._writer.end(phase, error=None if phase is Phase.QUEUED else CANCELLED)
            raise
        except BuildDied as error:
            await self._died(error)
            raise
        except HubkilnError as error:
            explained = {"code": error.code, "message": error.message, "hint": error.advice}
            await self._writer.end(Phase.FAILED, error=explained)
            raise
        except Exception:
            log.exception("build broke", extra={"action": "build_error"})
            await self._writer.end(Phase.FAILED, error=OURS)
            raise
        await self._writer.end(Phase.READY, built=built)
        return built

    async def _died(self, error: BuildDied) -> None:
        if self._deaths < self._allowed:
            self._writer.tell(Log(f"\n{error.message} Another begins anew.\n"))
            return await self._writer.end(Phase.QUEUED, died=True)
        times = f"{self._deaths} processes that built it died" if self._deaths > 1 else "the process that built it died"
        message = f"The build was given up, because {times}. {error.message}"
        self._writer.tell(Log(f"\n{error.message}\n"))
        await self._writer.end(Phase.INTERRUPTED, error={"code": error.code, "message": message, "hint": DIED_HINT})
