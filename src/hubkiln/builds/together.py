"""One answer for all who ask the same at a time, and never one that is older than their question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Together(Generic[Key, Answer]):
    """
    Asks `ask` for whoever comes, about the same once at a time.

    Who comes while it is being asked shares the next answer with all who do: the one under way may be older than their
    question.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._running: dict[Key, asyncio.Task[Answer]] = {}
        self._next: dict[Key, asyncio.Task[Answer]] = {}

    async def find(self, key: Key) -> Answer:
        """What `ask` says now; raises what it raises."""
        coming = self._next.get(key)
        if coming is None:
            coming = asyncio.create_task(self._ask_after(self._running.get(key), key), name=f"ask together: {key}")
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting
            self._next[key] = coming
        return await asyncio.shield(coming)

    async def _ask_after(self, before: asyncio.Task[Answer] | None, key: Key) -> Answer:
        if before is not None:
            await asyncio.wait({before})
        mine = self._running[key] = self._next.pop(key)
        try:
            return await self._ask(key)
        finally:
            if self._running.get(key) is mine:
                del self._running[key]
