"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hubkiln.errors import DiskFull
from hubkiln.later import Later


async def test_one_thing_after_another_behind_the_caller() -> None:
    """Nothing is begun before the caller waits, and the second only when the first is done."""
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)
        await asyncio.sleep(0)
        done.append(number)

    async with Later() as later:
        for number in (1, 2):
            later.do("counting", lambda number=number: work(number))
        assert not done
        await later.done()
    assert done == [1, 1, 2, 2]


async def test_what_is_left_ends_with_it() -> None:
    """Whoever leaves does not wait for what would have been of use to them, and what ran has ended."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Later() as later:
        later.do("waiting", work)
        later.do("never", work)
        await began.wait()
    assert ended.is_set()


async def test_a_failure_is_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The next is done all the same."""
    after = asyncio.Event()

    async def fails() -> None:
        raise DiskFull("There is no space left.")

    async def works() -> None:
        after.set()

    with caplog.at_level(logging.WARNING):
        async with Later() as later:
            later.do("Compiling work", fails)
            later.do("more", works)
            await later.done()
    assert after.is_set() and "Compiling work failed: There is no space left." in caplog.text
