"""Many things at once: one that fails leaves none of the others under way."""

from __future__ import annotations

import asyncio

import pytest

from hubkiln.concurrently import all_of
from hubkiln.errors import Unreachable


async def test_results_come_in_the_order_that_was_given() -> None:
    """Whichever is done first."""

    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await all_of(after(turns) for turns in (5, 1, 3)) == [5, 1, 3]


async def test_the_first_failure_is_told_when_the_others_have_ended() -> None:
    """As it is, in no group: whoever explains it knows it. A program that another had started is gone by then."""
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("waited for")

    async def fails() -> None:
        raise Unreachable("nobody answers", hint="try again")

    with pytest.raises(Unreachable):
        await all_of([waits(), fails(), waits()])
    assert ended == ["waited for"] * 2
