"""Do many things at once; the first failure ends them all and is the one that is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """
    Results in the order given.

    When one fails, or the caller is cancelled, the others are cancelled and waited for before this returns, so
    nothing of them is left running. Unlike a task group, it raises the plain first error.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
