"""The newest events of a running build, in memory: what live followers read, so that none asks the database.

Only events that are in the journal enter a feed; whoever is further behind reads the journal first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import takewhile

from hubkiln.builds.interface import Told

REMEMBERED = 1000
"""Events kept; at most 16 KiB of text each."""


class Feed:
    """Events of one build after number `last_seq`."""

    def __init__(self, last_seq: int) -> None:
        self._events: deque[Told] = deque(maxlen=REMEMBERED)
        self.last_seq = last_seq
        """Number of the newest event that was published here."""
        self._more = asyncio.Event()

    def publish(self, told: Sequence[Told]) -> None:
        """Add events that the journal holds and wake whoever waits."""
        self._events.extend(told)
        if told:
            self.last_seq = told[-1].seq
        self.wake()

    def wake(self) -> None:
        """Let everybody look again."""
        self._more.set()
        self._more = asyncio.Event()

    def more(self) -> asyncio.Event:
        """Is set at the next change; take it before reading, so that nothing falls between."""
        return self._more

    def since(self, after: int) -> list[Told] | None:
        """Events after number `after`, or None when older ones are wanted than are kept here."""
        first = self._events[0].seq if self._events else self.last_seq + 1
        if after + 1 < first:
            return None
        newer = list(takewhile(lambda told: told.seq > after, reversed(self._events)))  # few of the thousand
        newer.reverse()
        return newer
