"""What refs mean at the moment: looked up before a build is recorded, so that equal commits join."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hubkiln.errors import HubkilnError
from hubkiln.values import Revision, Spec

log = logging.getLogger(__name__)

Resolve = Callable[[Spec], Awaitable[Revision]]
"""As :meth:`hubkiln.repositories.AnyRepositories.resolve`."""


class Lookups:
    """
    Looks specs up for whoever asks, the same one once at a time.

    Who asks while a look-up is under way shares the next with all who do: its answer may be older than their
    question, and they may have pushed meanwhile.
    """

    def __init__(self, resolve: Resolve, seconds: float) -> None:
        self._resolve, self._seconds = resolve, seconds
        self._running: dict[Spec, asyncio.Task[Revision | None]] = {}
        self._next: dict[Spec, asyncio.Task[Revision | None]] = {}

    async def find(self, spec: Spec) -> Revision | None:
        """What `spec` means now; None where that cannot be told within the time: the build then says why."""
        coming = self._next.get(spec)
        if coming is None:
            looking = self._look_after(self._running.get(spec), spec)
            coming = self._next[spec] = asyncio.create_task(looking, name=f"look up {spec.repository}")
        return await asyncio.shield(coming)

    async def _look_after(self, before: asyncio.Task[Revision | None] | None, spec: Spec) -> Revision | None:
        if before is not None:
            await asyncio.wait({before})
        mine = self._running[spec] = self._next.pop(spec)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._resolve(spec)
        except (HubkilnError, TimeoutError) as error:
            log.info("not looked up", extra={"action": "build_lookup", "error": type(error).__name__})
            return None
        finally:
            if self._running.get(spec) is mine:
                del self._running[spec]
