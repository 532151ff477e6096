"""
Whoever wants the same thing waits for who makes it; different things are made side by side, but not more of them for
one asker than leave room for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """A lock for each key, for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: Hashable) -> asyncio.Lock:
        """The lock of `key`: ``async with turns.of(key): …``."""
        return self._locks.setdefault(key, asyncio.Lock())


class Slots:
    """So many at once, and so many of one asker; who finds none free waits, behind those of the same asker first."""

    def __init__(self, most: int = 16, each: int = 4) -> None:
        self._all, self._each = asyncio.Semaphore(most), each
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, asker: str) -> AsyncIterator[None]:
        """A slot for `asker`: ``async with slots.of(user): …``."""
        own = self._own.setdefault(asker, asyncio.Semaphore(self._each))
        async with own, self._all:
            yield
