"""Work that nobody waits for, and that is ended with whoever would have it: done once, or over and over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType

_LOG = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""Pause before what broke begins anew."""


class Later:
    """Does one thing after another, behind what its caller does; use it in an ``async with``, which ends the rest."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Later:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self.done()

    def do(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        """Let `work` be done; if it fails, the log says that `what` did, and nobody else is told."""

        async def in_turn() -> None:
            async with self._turn:
                await work()

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                _LOG.warning("%s failed: %s", what, error)

        task = asyncio.ensure_future(in_turn())
        self._tasks.add(task)
        task.add_done_callback(ended)

    async def done(self) -> None:
        """All of it is done, or has failed."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def lasting(what: str, loop: Callable[[], Awaitable[None]], pause_seconds: float = AGAIN_SECONDS) -> None:
    """
    Do `loop`, which goes on until it is cancelled, and begin it anew where it breaks by an error that nobody foresaw.

    The log says so. A service whose queue nobody looks at any more would look well, and do nothing.
    """
    while True:
        try:
            return await loop()
        except Exception:  # this is the top of it: nobody waits for what it would raise
            _LOG.exception("%s broke", what, extra={"action": "loop_broke", "loop": what})
        await asyncio.sleep(pause_seconds)
