"""Whose turn is next."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hubkiln.builds.fairness import Waiting, in_turn

START = datetime(2026, 1, 1, tzinfo=UTC)


def waiting(*owners: str, priority: int = 0, after: int = 0) -> list[Waiting]:
    """A build for each owner, asked for one after the other."""
    times = (START + timedelta(seconds=after + n) for n in range(len(owners)))
    return [
        Waiting(id=f"{owner}{at:%M%S}", owner=owner, created=at, priority=priority)
        for owner, at in zip(owners, times, strict=True)
    ]


def order(found: list[Waiting], **running: int) -> str:
    """The owners in turn."""
    return "".join(one.owner for one in in_turn(found, running))


def test_who_asks_for_much_does_not_hold_up_the_others() -> None:
    """Five builds of one user and then one of another: the other is second, not sixth."""
    assert order(waiting("a", "a", "a", "a", "a", "b")) == "abaaaa"


def test_whoever_has_least_under_way_is_next() -> None:
    """What runs already counts."""
    assert order(waiting("a", "b", "b", "a"), a=2) == "bbaa"


def test_of_equals_who_asked_first() -> None:
    """Age decides, also among one user's own."""
    assert order(waiting("b", "a", "c")) == "bac"


def test_priority_goes_before_all() -> None:
    """A build of higher priority goes first, whatever its owner has under way, and counts for its owner."""
    found = waiting("a", "b") + waiting("b", priority=5, after=9)
    assert order(found, b=7) == "bab" and order(found) == "bab"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=30), st.integers(0, 3))
def test_everybody_gets_a_turn_and_none_two_ahead(asked: list[tuple[str, int]], running: int) -> None:
    """All that waits comes once; within a priority nobody gets a turn while somebody with less waits."""
    found = [one for n, (owner, p) in enumerate(asked) for one in waiting(owner, priority=p, after=n)]
    turns = list(in_turn(found, {"a": running}))
    assert Counter(one.id for one in turns) == Counter(one.id for one in found)
    counts = Counter({"a": running})
    for number, one in enumerate(turns):
        rest = [other for other in turns[number:] if other.priority == one.priority]
        assert counts[one.owner] == min(counts[other.owner] for other in rest)
        assert one.priority == max(other.priority for other in turns[number:])
        counts[one.owner] += 1
