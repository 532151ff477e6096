"""A builder that holds back: so long and no longer, and never silent for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from hubkiln.builds.events import Event
from hubkiln.builds.interface import Builder, BuildRequest, Built, Tell
from hubkiln.errors import BuildFailed


class Timed:
    """
    Stops a build of `inner` after so many `seconds`, or when it has told nothing for `silence` seconds; None lets it.

    A build that hangs is silent, and would hold its place until the end of its time.
    """

    def __init__(
        self,
        inner: Builder,
        seconds: float | None,
        silence: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._inner, self._seconds, self._silence, self._clock = inner, seconds, silence, clock

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        limit = asyncio.timeout(self._seconds)
        quiet = _Quiet(self._silence, limit, self._clock)

        def heard(event: Event) -> None:
            quiet.broken()
            tell(event)

        try:
            async with limit, quiet.limit:
                quiet.watch()
                return await self._inner.build(request, heard)
        except TimeoutError as error:
            if quiet.limit.expired():
                raise BuildFailed(
                    f"The build said nothing for {_spoken(self._silence or 0)} and was stopped.",
                    hint="The end of its log shows what it was doing: let that tell how far it is, "
                    "or ask the admin to allow longer silence.",
                ) from error
            if not limit.expired():
                raise
            raise BuildFailed(
                f"The build took longer than {_spoken(self._seconds or 0)} and was stopped.",
                hint="Ask for less, or ask the admin to allow longer builds.",
            ) from error
        finally:
            quiet.end()


class _Quiet:
    """
    A limit that begins anew with each event; these come often, and from any thread, so it is not moved by each.

    Only one of it and the `whole` limit cancels the build: a second cancellation would cut its cleaning up short.
    """

    def __init__(self, seconds: float | None, whole: asyncio.Timeout, clock: Callable[[], float]) -> None:
        self.limit, self._whole, self._clock = asyncio.timeout(None), whole, clock
        self._seconds, self._last = seconds, clock()
        self._next: asyncio.TimerHandle | None = None

    def broken(self) -> None:
        """Something was told."""
        self._last = self._clock()

    def watch(self) -> None:
        """Look again when the silence could be too long."""
        if self._seconds is None:
            return
        loop, left = asyncio.get_running_loop(), self._last + self._seconds - self._clock()
        if left > 0:
            self._next = loop.call_later(left, self.watch)
        elif not self._whole.expired():
            self._whole.reschedule(None)
            self.limit.reschedule(loop.time())

    def end(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.0f} minutes"
