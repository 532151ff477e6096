"""Trying again: how often, how long, and when not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hubkiln.errors import Unreachable
from hubkiln.images.retrying import Again, Backoff, retry_after


class Failing:
    """Fails as told, then succeeds."""

    def __init__(self, *failures: Again) -> None:
        self.left = list(failures)
        self.slept: list[float] = []

    async def once(self) -> str:
        if self.left:
            raise self.left.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def again(after: float | None = None, progressed: bool = False) -> Again:
    return Again(Unreachable("not now"), after=after, progressed=progressed)


async def test_it_succeeds_after_failures_with_growing_pauses() -> None:
    """Each pause is at most twice the one before, and never nothing."""
    work = Failing(*(again() for _ in range(4)))
    assert await Backoff(first=1, sleep=work.sleep).run(work.once) == "done"
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(work.slept))


async def test_it_gives_up_with_the_last_problem() -> None:
    """After so many attempts in a row."""
    work = Failing(*(again() for _ in range(9)))
    with pytest.raises(Unreachable, match="not now"):
        await Backoff(attempts=3, sleep=work.sleep).run(work.once)
    assert len(work.slept) == 2


async def test_progress_starts_the_count_anew() -> None:
    """A large file over a bad line arrives in the end."""
    work = Failing(*(again(progressed=True) for _ in range(50)))
    assert await Backoff(attempts=2, sleep=work.sleep).run(work.once) == "done"


async def test_a_wish_to_wait_is_honoured_if_it_is_short() -> None:
    """A user is watching: seconds are waited, an hour is said."""
    work = Failing(again(after=7))
    await Backoff(sleep=work.sleep).run(work.once)
    assert 7 <= work.slept[0] < 8
    with pytest.raises(Unreachable):
        await Backoff(sleep=work.sleep).run(Failing(again(after=3600)).once)


def test_retry_after_is_a_number_or_a_date() -> None:
    """Both forms the standard allows; anything else is nothing."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after("12") == 12
    assert 25 < (retry_after(soon) or 0) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after(None) is retry_after("soon") is None
