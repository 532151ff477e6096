"""Looks at saved environments' images behind the back of whoever lists them: are they there, how large, what is in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from hubkiln.database import Database, environment_images
from hubkiln.environments.stored import Measure
from hubkiln.values import utc_now

AGAIN_AFTER = timedelta(hours=1)
"""An image that somebody looked at so lately is believed to be as it was."""
AT_ONCE = 2
"""Images looked at at the same time; a registry is asked for each."""


async def nobody_knows(image: str) -> None:
    """Of a service without stores."""
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What can be seen of an image; each says None where that cannot be told now."""

    measure: Measure = nobody_knows
    count: Callable[[str], Awaitable[int | None]] = nobody_knows
    """How many packages are in it."""
    there: Callable[[str], Awaitable[bool | None]] = nobody_knows


class Looking:
    """Looks at images in the background, the same one once at a time, and writes down what it saw."""

    def __init__(self, database: Database, sight: Sight, now: Callable[[], datetime] = utc_now) -> None:
        self._database, self._sight, self._now = database, sight, now
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def soon(self, images: Collection[str]) -> None:
        """Look at those of `images` that nobody has looked at lately; returns at once."""
        for image in images:
            if image not in self._tasks:
                task = asyncio.create_task(self._look(image), name=f"look at {image}")
                self._tasks[image] = task
                task.add_done_callback(lambda _, image=image: self._tasks.pop(image, None))  # type: ignore[misc]

    async def settled(self) -> None:
        """Wait for all that is being looked at."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """Look no more."""
        for task in self._tasks.values():
            task.cancel()
        await self.settled()

    async def _look(self, image: str) -> None:
        table = environment_images.c
        async with self._slots:
            query = select(table.looked, table.bytes, table.packages).where(table.image == image)
            async with self._database.reading() as connection:
                rows = list(await connection.execute(query))
            if not rows or all(row.looked and self._now() - row.looked < AGAIN_AFTER for row in rows):
                return
            seen: dict[str, Any] = {"looked": self._now()}
            there = await self._sight.there(image)
            if there is not None:
                seen["gone"] = not there
            if there is not False:
                size = next((row.bytes for row in rows if row.bytes is not None), None)
                count = next((row.packages for row in rows if row.packages is not None), None)
                seen["bytes"] = await self._sight.measure(image) if size is None else size
                seen["packages"] = await self._sight.count(image) if count is None else count
            async with self._database.writing() as connection:
                await connection.execute(update(environment_images).where(table.image == image).values(seen))
