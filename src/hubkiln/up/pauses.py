"""Ever longer pauses after wrong answers, for any number of names in a bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds that only grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How long to wait."""

    free: int
    """Wrong answers in a row without a pause: people mistype."""

    longest_seconds: float
    """Of a pause; they double from one second. Nobody is ever shut out for longer than this."""

    forgets_seconds: float = 900
    """After so long without a wrong answer, all begins anew."""


@dataclass(slots=True)
class _Count:
    wrong: int
    last: float


class Pauses:
    """Counts wrong answers by name; what is asked during a pause is not an answer, and does not make it longer."""

    def __init__(self, rule: Rule, *, names: int = 10_000, clock: Clock = time.monotonic) -> None:
        self._rule, self._names, self._clock = rule, names, clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        """Names that are remembered."""
        return len(self._counts)

    def left(self, name: str) -> float:
        """Seconds until `name` may answer."""
        count = self._counts.get(name)
        if count is None or count.wrong <= self._rule.free:
            return 0.0
        since = self._clock() - count.last
        pause = min(2.0 ** min(count.wrong - self._rule.free - 1, 20), self._rule.longest_seconds)
        return max(0.0, pause - since)

    def wrong(self, name: str) -> None:
        """`name` answered wrongly now; of too many names those are forgotten that were wrong longest ago."""
        now = self._clock()
        before = self._counts.pop(name, None)
        fresh = before is None or now - before.last > self._rule.forgets_seconds
        self._counts[name] = _Count(1 if before is None or fresh else before.wrong + 1, now)
        while len(self._counts) > self._names:
            self._counts.popitem(last=False)

    def right(self, name: str) -> None:
        """`name` answered rightly."""
        self._counts.pop(name, None)
