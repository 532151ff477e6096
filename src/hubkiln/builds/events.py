"""The life of a build: its phases, which may follow which, and the events that tell of it.

Everything that changes a build's state is here, as a table; the journal, the streams, the page's types and the
docs' diagram follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a build is."""

    QUEUED = "queued"
    RESOLVING = "resolving"
    FETCHING = "fetching"
    PLANNING = "planning"
    LOCKING = "locking"
    BUILDING = "building"
    PUSHING = "pushing"
    VERIFYING = "verifying"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ENDS = frozenset({Phase.READY, Phase.FAILED, Phase.CANCELLED, Phase.INTERRUPTED})
"""Phases that nothing follows."""

_STOPS = {Phase.FAILED, Phase.CANCELLED, Phase.INTERRUPTED}
_AGAIN = {Phase.QUEUED, *_STOPS}

NEXT: dict[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.RESOLVING, Phase.READY, *_STOPS}),
    Phase.RESOLVING: frozenset({Phase.FETCHING, Phase.READY, *_AGAIN}),
    Phase.FETCHING: frozenset({Phase.PLANNING, *_AGAIN}),
    Phase.PLANNING: frozenset({Phase.LOCKING, Phase.BUILDING, *_AGAIN}),
    Phase.LOCKING: frozenset({Phase.BUILDING, *_AGAIN}),
    Phase.BUILDING: frozenset({Phase.PUSHING, Phase.VERIFYING, *_AGAIN}),
    Phase.PUSHING: frozenset({Phase.VERIFYING, Phase.READY, *_AGAIN}),
    Phase.VERIFYING: frozenset({Phase.PUSHING, Phase.READY, *_AGAIN}),
    **{end: frozenset() for end in ENDS},
}
"""What is under way can go back to the queue: a process that dies, or is stopped, leaves its builds to others."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The build entered a phase."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Log:
    """Log text as it appeared: may hold several lines or part of one, ANSI colours kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    """The place in the queue changed; 1 is next. Told to whoever follows, and not kept."""

    position: int
    seconds: float | None = None
    """How long it may still wait, where earlier builds tell."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is known."""

    plan: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The commit is known."""

    commit: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes done of bytes in all, for the current phase."""

    done: int
    total: int


Event = Entered | Log | Queued | Planned | Resolved | Progress


def check(now: Phase, then: Phase) -> None:
    """
    Raises:
        ValueError: `then` may not follow `now`.
    """
    if then not in NEXT[now]:
        raise ValueError(f"a build cannot go from {now} to {then}")
