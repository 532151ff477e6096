"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hubkiln.errors import DiskFull
from hubkiln.later import Later, lasting


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


async def test_what_should_last_begins_anew_when_it_breaks(caplog: pytest.LogCaptureFixture) -> None:
    """By whatever: the log says so. What ends by itself, or is cancelled, does not."""
    begun: list[int] = []
    going = asyncio.Event()

    async def loop() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise KeyError("nobody foresaw it")
        going.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(lasting("to look", loop, pause_seconds=0))
    await going.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() and begun == [0, 1, 2]
    assert caplog.text.count("to look broke") == 2 and "nobody foresaw it" in caplog.text


async def test_what_ends_by_itself_is_over() -> None:
    """Such as what is switched off."""
    begun: list[None] = []

    async def once() -> None:
        begun.append(None)

    await lasting("once", once)
    assert len(begun) == 1
