"""Other parties that the service needs, asked now and then whether they are well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hubkiln.errors import HubkilnError

KEPT_SECONDS = 15
"""How long the answer of another party is told again; probes come every few seconds."""


@dataclass(slots=True)
class Party:
    """Asks another party at most every :data:`KEPT_SECONDS`."""

    ask: Callable[[], Awaitable[None]]
    """Raises a HubkilnError when it is not well."""
    _until: float = 0
    _problem: str = ""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def problem(self) -> str:
        """Why it is not well; empty if it is."""
        async with self._turn:
            if time.monotonic() >= self._until:
                try:
                    await self.ask()
                    self._problem = ""
                except HubkilnError as error:
                    self._problem = error.message
                self._until = time.monotonic() + KEPT_SECONDS
        return self._problem
