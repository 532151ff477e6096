"""Try again, patiently: exponential pauses with jitter, a registry's ``Retry-After`` honoured.

What failed says whether another attempt makes sense, by raising :class:`Again`; everything else ends at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from hubkiln.errors import HubkilnError, Unreachable

T = TypeVar("T")


class Again(Exception):
    """This attempt failed with `problem`; another may succeed."""

    def __init__(self, problem: HubkilnError, *, after: float | None = None, progressed: bool = False) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.after = after
        """Seconds the other side asks to wait."""
        self.progressed = progressed
        """True if bytes got through, so that a long transfer over a bad line is not given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often and how long."""

    attempts: int = 5
    """In a row without progress."""
    first: float = 0.25
    """Seconds before the second attempt; doubled each time."""
    longest: float = 8
    patience: float = 60
    """Longest ``Retry-After`` worth waiting for, in seconds; a user is watching."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, once: Callable[[], Awaitable[T]]) -> T:
        """
        The first result of `once`.

        Raises:
            HubkilnError: the last attempt's problem, or one that another attempt cannot cure.
        """
        failures = 0
        while True:
            try:
                return await once()
            except Again as again:
                failures = 1 if again.progressed else failures + 1
                if failures >= self.attempts or (again.after or 0) > self.patience:
                    if isinstance(again.problem, Unreachable):
                        again.problem.passing, again.problem.after = True, again.after
                    raise again.problem from again
                await self.sleep(self.pause(failures, again.after))

    def pause(self, failures: int, after: float | None) -> float:
        """Seconds to wait after so many failures: half by chance, so that many builders do not return together."""
        if after is not None:
            return after + random.uniform(0, 0.1)
        longest = min(self.longest, self.first * 2.0 ** (failures - 1))
        return longest / 2 + random.uniform(0, longest / 2)


def retry_after(header: str | None) -> float | None:
    """Seconds meant by a ``Retry-After`` header: a number or a date; None if absent or unreadable."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
