"""A build whose own process dies goes back to the queue, and is given up with the third."""

from __future__ import annotations

import pytest

from hubkiln.builds.apart import how_it_died
from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.interface import BuildDied, BuildRequest, Built, Tell
from hubkiln.builds.jobs import Jobs
from hubkiln.testing.builds import BUILT, FakeBuilder

from .conftest import REQUEST, Start, everything


class Mortal(FakeBuilder):
    """Dies in the middle, the first `deaths` times."""

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self._deaths = deaths

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        built = await super().build(request, tell)
        if len(self.requests) <= self._deaths:
            raise BuildDied("The process that built this was killed by signal 11 (SIGSEGV).")
        return built


async def log_of(jobs: Jobs, id: str) -> str:
    """All of it."""
    return (await jobs.log(id)).decode()


async def test_what_a_process_died_of_is_built_by_the_next(start: Start) -> None:
    """Under the same number, after a second place in the queue, and the log says why it began anew."""
    jobs = await start(Mortal(2))
    record, _ = await jobs.submit(REQUEST, "ada")
    told = await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert (record.state, record.built, record.attempts) == (Phase.READY, BUILT, 3)
    assert [one.event for one in told].count(Entered(Phase.QUEUED)) == 3
    assert (await log_of(jobs, record.id)).count("was killed by signal 11 (SIGSEGV). Another begins anew.") == 2


async def test_the_third_death_ends_it_and_says_so(start: Start) -> None:
    """With what it died of, as nobody's fault; others are built meanwhile, and it can be asked for again."""
    jobs = await start(Mortal(3))
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert record.state == Phase.INTERRUPTED and record.error is not None
    assert record.error["code"] == "interrupted"
    assert record.error["message"] == (
        "The build was given up, because 3 processes that built it died. "
        "The process that built this was killed by signal 11 (SIGSEGV)."
    )
    again, joined = await jobs.retry(record.id, "ada")
    await everything(jobs, again.id)
    assert not joined and (await jobs.record(again.id)).state == Phase.READY


@pytest.mark.parametrize(
    ("code", "before", "now", "said"),
    [
        (-9, 4, 5, "was killed, because the memory of the machine or of the service's container was used up"),
        (-9, 4, 4, "was killed by signal 9 (SIGKILL)"),
        (-9, None, None, "was killed by signal 9 (SIGKILL)"),
        (-7, 4, 5, "was killed by signal 7 (SIGBUS)"),
        (-99, None, None, "was killed by signal 99"),
        (1, None, None, "ended with status 1 before it had told its end"),
    ],
)
def test_a_death_is_named(code: int, before: int | None, now: int | None, said: str) -> None:
    """Want of memory is told apart where the kernel counts it."""
    assert how_it_died(code, before, now) == said
