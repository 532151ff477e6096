"""What refs mean at the moment: looked up before a build is recorded, so that equal commits join."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from hubkiln.builds.together import Together
from hubkiln.errors import HubkilnError, Unreachable, UserError
from hubkiln.turns import Slots
from hubkiln.values import Revision, Spec

log = logging.getLogger(__name__)

Resolve = Callable[[Spec], Awaitable[Revision]]
"""As :meth:`hubkiln.repositories.AnyRepositories.resolve`."""

CanTry = Callable[[str, Spec], Awaitable[bool]]
"""Whether a user has rights of their own to a repository that not everybody may read."""

Answer = TypeVar("Answer")

GLANCE_SECONDS = 30.0
"""How long a glance is remembered: while somebody fills a form in."""
MOST_GLANCES = 500
"""Remembered at once."""


class Lookups:
    """
    Looks specs up for whoever asks, the same one once at a time; nobody gets what was so before they asked.

    Each starts a process or asks a host, so only so many are under way at once, and fewer of one user.
    """

    def __init__(self, resolve: Resolve, seconds: float) -> None:
        self._resolve, self._seconds = resolve, seconds
        self._together, self._slots = Together(self._look), Slots()
        self._first: dict[Spec, str] = {}

    async def find(self, spec: Spec, user: str) -> Revision | None:
        """What `spec` means now; None where that cannot be told within the time: the build then says why."""
        self._first.setdefault(spec, user)
        return await self._together.find(spec)

    async def _look(self, spec: Spec) -> Revision | None:
        user = self._first.pop(spec, "")
        try:
            async with asyncio.timeout(self._seconds), self._slots.of(user):
                return await self._resolve(spec)
        except (HubkilnError, TimeoutError) as error:
            log.info("not looked up", extra={"action": "build_lookup", "error": type(error).__name__})
            return None


class Glances(Generic[Answer]):
    """
    Asks about specs for whoever writes one, and remembers what came of it for a moment: failures too.

    It may be old by then; what is built is looked up again. Only so many are under way at once, and fewer of one user.
    """

    def __init__(
        self,
        ask: Callable[[Spec], Awaitable[Answer]],
        can_try: CanTry | None = None,
        *,
        seconds: float = 20,
        kept_seconds: float = GLANCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` is waited for so many `seconds`; with `can_try` users who have rights of their own are read for too."""
        self._ask, self._can_try, self._seconds, self._clock = ask, can_try, seconds, clock
        self._kept_seconds = kept_seconds
        self._kept: dict[Spec, tuple[float, asyncio.Task[Answer]]] = {}
        self._slots = Slots()

    async def find(self, spec: Spec, user: str, within: float | None = None) -> Answer:
        """
        The answer of a moment ago at most: as everybody may read the repository, else with the rights of `user`.

        Nor is it older than `within` seconds.

        Raises:
            UserError, ServiceError: as `ask` does.
        """
        try:
            return await self._find(spec, user, within)
        except UserError:
            if self._can_try is None or not await self._can_try(user, spec):
                raise
            return await self._find(replace(spec, reader=user), user, within)

    async def _find(self, spec: Spec, user: str, within: float | None) -> Answer:
        now, kept = self._clock(), self._kept_seconds if within is None else min(within, self._kept_seconds)
        since, looking = self._kept.get(spec, (now, None))
        if looking is None or now - since > kept:
            while len(self._kept) >= MOST_GLANCES:
                del self._kept[next(iter(self._kept))]
            self._kept.pop(spec, None)
            looking = asyncio.create_task(self._look(spec, user), name=f"glance at {spec.repository}")
            looking.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting
            self._kept[spec] = now, looking
        return await asyncio.shield(looking)

    async def _look(self, spec: Spec, user: str) -> Answer:
        try:
            async with asyncio.timeout(self._seconds), self._slots.of(user):
                return await self._ask(spec)
        except TimeoutError as error:
            raise Unreachable(f"{spec.repository} did not answer within {self._seconds:.0f} s.") from error
