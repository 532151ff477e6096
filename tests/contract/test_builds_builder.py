"""What every builder promises: the fake, every wrapper around it, and the one in processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from fake_child import KINDS, apart
from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Event, Log
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings, Built, Tell
from hubkiln.builds.journal import Hold, Journal
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.recorded import Recorded
from hubkiln.builds.timed import Timed
from hubkiln.builds.writer import Writer
from hubkiln.errors import BuildFailed, HubkilnError, Unreachable
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.values import Spec

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))

Wrap = Callable[[str, Path], AbstractAsyncContextManager[Builder]]
"""A builder that does what its kind says, with a folder of its own."""


def ignore(event: Event) -> None:
    """Nobody listens."""


def scripted(kind: str, folder: Path) -> Builder:
    """The fake builder of this kind, here."""
    return KINDS[kind]({"file": str(folder / "file")})


@asynccontextmanager
async def recorded(kind: str, folder: Path) -> AsyncIterator[Builder]:
    """One that is recorded."""
    database = await fresh_database(folder)
    journal = Journal(database)
    await Queue(database).add(Asked(request=REQUEST, owner="ada", ref="HEAD"))
    record = await Claims(database).claim("w")
    assert record is not None
    async with Writer(journal, Hold("w", record.attempts), record, BuildSettings()) as writer:
        yield Recorded(scripted(kind, folder), writer)
    await database.close()


def plain(wrap: Callable[[Builder], Builder]) -> Wrap:
    """One that needs nothing."""

    @asynccontextmanager
    async def wrapped(kind: str, folder: Path) -> AsyncIterator[Builder]:
        yield wrap(scripted(kind, folder))

    return wrapped


wraps = pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(plain(lambda b: b), id="fake"),
        pytest.param(plain(lambda b: Timed(b, 60)), id="timed"),
        pytest.param(plain(lambda b: Timed(b, None)), id="untimed"),
        pytest.param(plain(lambda b: Timed(b, 60, 60)), id="heard"),
        pytest.param(recorded, id="recorded"),
        pytest.param(apart, id="apart", marks=pytest.mark.slow),
    ],
)


@wraps
async def test_all_is_told_and_the_result_comes_back(wrap: Wrap, tmp_path: Path) -> None:
    """Every event reaches the caller, in order, and the result is the builder's."""
    told: list[Event] = []
    async with wrap("usual", tmp_path) as builder:
        assert await builder.build(REQUEST, told.append) == BUILT
    assert tuple(told) == SCRIPT


@wraps
@pytest.mark.parametrize("kind", ["failed", "unreachable"])
async def test_errors_come_through(wrap: Wrap, tmp_path: Path, kind: str) -> None:
    """The error that ended the build is raised, with its words."""
    expected = {"failed": BuildFailed("no", hint="Mend it."), "unreachable": Unreachable("gone")}[kind]
    async with wrap(kind, tmp_path) as builder:
        with pytest.raises(HubkilnError) as caught:
            await builder.build(REQUEST, ignore)
    assert type(caught.value) is type(expected)
    assert (caught.value.message, caught.value.hint) == (expected.message, expected.hint)


@wraps
async def test_a_mistake_of_ours_is_nobodys_turn(wrap: Wrap, tmp_path: Path) -> None:
    """What nobody thought of comes through as neither the user's fault nor a passing trouble."""
    async with wrap("broken", tmp_path) as builder:
        with pytest.raises((KeyError, HubkilnError)) as caught:
            await builder.build(REQUEST, ignore)
    assert type(caught.value) in (KeyError, HubkilnError)


@wraps
async def test_cancelling_leaves_nothing_running(wrap: Wrap, tmp_path: Path) -> None:
    """A cancelled build has stopped, and cleaned up, when the cancellation is over."""
    begun = asyncio.Event()
    async with wrap("held", tmp_path) as builder:
        task = asyncio.create_task(builder.build(REQUEST, lambda event: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (tmp_path / "file").read_text() == "cancelled"


async def test_a_time_out_of_the_builder_itself_is_not_ours() -> None:
    """A TimeoutError raised inside is not mistaken for the limit."""
    with pytest.raises(TimeoutError):
        await Timed(FakeBuilder(raises=TimeoutError("inner")), 60).build(REQUEST, ignore)


async def test_a_build_that_goes_silent_is_stopped_and_told_so() -> None:
    """It is cancelled, not left; the message says how long it was silent, and not that it took long."""
    builder = FakeBuilder(held=True)
    with pytest.raises(BuildFailed, match=r"said nothing for 0\.05 seconds and was stopped\. .*end of its log"):
        await Timed(builder, 3600, 0.05).build(REQUEST, ignore)
    assert (builder.cancelled, builder.running) == (1, 0)


async def test_a_build_that_takes_long_and_talks_is_not_silent() -> None:
    """Each word begins the silence anew, however long the build takes in all."""
    passed = [0.0]

    class Talks(FakeBuilder):
        async def build(self, request: BuildRequest, tell: Tell) -> Built:
            for _ in range(20):
                passed[0] += 0.006
                tell(Log("."))
                await asyncio.sleep(0.01)  # in which the silence is looked at
            return BUILT

    assert await Timed(Talks(), 3600, 0.01, lambda: passed[0]).build(REQUEST, ignore) == BUILT
