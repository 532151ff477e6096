"""Whose turn is next: of those with the highest priority, whoever has least under way; of those, who asked first."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A build that waits."""

    id: str
    owner: str
    created: datetime
    priority: int = 0
    """Higher goes first."""
    provider: str = ""
    repository: str = ""
    groups: tuple[str, ...] = field(default=())


def in_turn(waiting: Iterable[Waiting], running: Mapping[str, int]) -> Iterator[Waiting]:
    """
    `waiting` in the order in which they begin if nothing ends meanwhile, so each that begins counts for its owner.

    `running` is how many each owner has under way.
    """
    lines: dict[tuple[int, str], deque[Waiting]] = defaultdict(deque)
    for one in sorted(waiting, key=lambda one: (one.created, one.id)):
        lines[one.priority, one.owner].append(one)
    counts = dict(running)

    def place(line: deque[Waiting]) -> tuple[int, int, datetime, str, str]:
        first = line[0]
        return -first.priority, counts.get(first.owner, 0), first.created, first.id, first.owner

    heap = [(place(line), key) for key, line in lines.items()]
    heapq.heapify(heap)
    while heap:
        was, key = heapq.heappop(heap)
        line = lines[key]
        if was != (now := place(line)):  # its owner got something of another priority meanwhile
            heapq.heappush(heap, (now, key))
            continue
        first = line.popleft()
        counts[first.owner] = counts.get(first.owner, 0) + 1
        yield first
        if line:
            heapq.heappush(heap, (place(line), key))
