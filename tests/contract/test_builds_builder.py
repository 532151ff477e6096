"""What every builder promises: the fake, and every wrapper around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Event
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings
from hubkiln.builds.journal import Journal
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.recorded import Recorded
from hubkiln.builds.timed import Timed
from hubkiln.builds.writer import Writer
from hubkiln.errors import BuildFailed, Unreachable
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.values import Spec

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))


def ignore(event: Event) -> None:
    """Nobody listens."""


@asynccontextmanager
async def recorded(inner: Builder, folder: Path) -> AsyncIterator[Builder]:
    """`inner`, recorded."""
    database = await fresh_database(folder)
    journal = Journal(database)
    await Queue(database).add(Asked(request=REQUEST, owner="ada", ref="HEAD"))
    record = await Claims(database).claim("w")
    assert record is not None
    async with Writer(journal, "w", record, BuildSettings()) as writer:
        yield Recorded(inner, writer)
    await database.close()


@asynccontextmanager
async def plain(wrap: Callable[[Builder], Builder], inner: Builder) -> AsyncIterator[Builder]:
    """`inner`, wrapped."""
    yield wrap(inner)


WRAPS = {
    "fake": lambda inner, folder: plain(lambda b: b, inner),
    "timed": lambda inner, folder: plain(lambda b: Timed(b, 60), inner),
    "untimed": lambda inner, folder: plain(lambda b: Timed(b, None), inner),
    "recorded": recorded,
}
wraps = pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS.keys())


@wraps
async def test_all_is_told_and_the_result_comes_back(wrap, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Every event reaches the caller, in order, and the result is the builder's."""
    told: list[Event] = []
    async with wrap(FakeBuilder(), tmp_path) as builder:
        assert await builder.build(REQUEST, told.append) == BUILT
    assert tuple(told) == SCRIPT


@wraps
@pytest.mark.parametrize("error", [BuildFailed("no"), Unreachable("gone"), KeyError("bug")])
async def test_errors_come_through(wrap, tmp_path: Path, error: Exception) -> None:  # type: ignore[no-untyped-def]
    """The very error that ended the build is raised."""
    async with wrap(FakeBuilder(raises=error), tmp_path) as builder:
        with pytest.raises(type(error)) as caught:
            await builder.build(REQUEST, ignore)
    assert caught.value is error


@wraps
async def test_cancelling_leaves_nothing_running(wrap, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A cancelled build has stopped when the cancellation is over."""
    inner = FakeBuilder(held=True)
    async with wrap(inner, tmp_path) as builder:
        task = asyncio.create_task(builder.build(REQUEST, ignore))
        await inner.until_started(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (inner.running, inner.cancelled) == (0, 1)


async def test_a_time_out_of_the_builder_itself_is_not_ours() -> None:
    """A TimeoutError raised inside is not mistaken for the limit."""
    with pytest.raises(TimeoutError):
        await Timed(FakeBuilder(raises=TimeoutError("inner")), 60).build(REQUEST, ignore)
