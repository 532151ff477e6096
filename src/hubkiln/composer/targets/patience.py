"""A push whose registry fails is tried again alone: what was built stays, and what arrived is not sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from hubkiln.errors import Unreachable
from hubkiln.values import Say

T = TypeVar("T")

LONGEST = 60.0
"""Seconds of a pause, unless the registry asks for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the failures of a registry are waited out, after the few seconds that each request waits by itself."""

    seconds: float
    """Of pauses, in all; 0 gives up at once."""
    first: float = 5
    """Seconds of the first pause; doubled each time."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, once: Callable[[], Awaitable[T]], say: Say) -> T:
        """
        The first result of `once`, which may be called again after each failure that may pass; `say` hears of it.

        Raises:
            what `once` raises: of failures that may pass, the last.
        """
        waited, pause = 0.0, self.first
        while True:
            try:
                return await once()
            except Unreachable as error:
                pause = max(pause, error.after or 0)
                if not error.passing or waited + pause > self.seconds:
                    say("What was built is kept: another try sends only what the registry lacks.\n")
                    raise
                say(f"{error.message} The push is tried again in {pause:.0f} seconds.\n")
            await self.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, LONGEST)
