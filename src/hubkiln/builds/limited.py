"""Builders that hold back: so many at once, the rest in line; so long and no longer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from hubkiln.builds.events import Queued
from hubkiln.builds.interface import Builder, BuildRequest, Built, Tell
from hubkiln.errors import BuildFailed


@dataclass(eq=False, slots=True)
class _Waiting:
    turn: asyncio.Future[None]
    tell: Tell
    told: int = 0


class Limited:
    """Lets at most `at_once` builds of `inner` run; the rest wait their turn, in order, and are told their place."""

    def __init__(self, inner: Builder, at_once: int) -> None:
        self._inner = inner
        self._free = at_once
        self._line: deque[_Waiting] = deque()

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        await self._turn(tell)
        try:
            return await self._inner.build(request, tell)
        finally:
            self._give_back()

    async def _turn(self, tell: Tell) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = _Waiting(asyncio.get_running_loop().create_future(), tell)
        self._line.append(waiting)
        self._tell_places()
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting in self._line:
                self._line.remove(waiting)
                self._tell_places()
            else:  # the turn came in the same moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        if not self._line:
            self._free += 1
            return
        self._line.popleft().turn.set_result(None)
        self._tell_places()

    def _tell_places(self) -> None:
        for place, waiting in enumerate(self._line, 1):
            if waiting.told != place:
                waiting.told = place
                waiting.tell(Queued(place))


class Timed:
    """Stops a build of `inner` after so many `seconds`; None lets it run."""

    def __init__(self, inner: Builder, seconds: float | None) -> None:
        self._inner, self._seconds = inner, seconds

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                return await self._inner.build(request, tell)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise BuildFailed(
                f"The build took longer than {_spoken(self._seconds or 0)} and was stopped.",
                hint="Ask for less, or ask the admin to allow longer builds.",
            ) from error


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.0f} minutes"
