"""What is built at certain times, and tried again while a host is away; its clock is ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hubkiln.builds import BuildRequest, Built, Schedules, Tell, kept_images
from hubkiln.builds.schedules import PAUSES, TAKING, next_time
from hubkiln.database import schedules_table
from hubkiln.errors import BadSpec, BuildFailed, Conflict, HubkilnError, Unreachable
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.service import Service, in_memory
from hubkiln.values import Spec
from hubkiln.web.scheduling import Scheduling

MONDAY = datetime(2082, 11, 30, 12, tzinfo=UTC)
"""Far off: what is asked over HTTP goes by the real clock, which must not have come so far."""
WEEKLY = {"spec": "org/repo", "times": "0 4 * * 1"}


class Failing(FakeBuilder):
    """Raises what is in `fails`, one after the other; then it builds."""

    def __init__(self, *fails: HubkilnError) -> None:
        super().__init__()
        self.fails = list(fails)

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        built = await super().build(request, tell)
        if self.fails:
            raise self.fails.pop(0)
        return built


class Yard:
    """A service and what sees to its schedules, at a time that we set."""

    def __init__(self, service: Service, builder: FakeBuilder) -> None:
        self.service, self.builder, self.now = service, builder, MONDAY
        self.database = service.app.state.parts.database
        self.schedules = Schedules(self.database, lambda: self.now)
        self.scheduling = Scheduling(service.jobs, self.database, self.schedules)

    async def add(self, **more: Any) -> str:
        """A weekly one."""
        request = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
        return (await self.schedules.add(request, WEEKLY["times"], keep=True, author="root", **more)).id

    async def pass_to(self, moment: datetime) -> None:
        """It is then; what is due is done, until its build has been looked at."""
        self.now = max(self.now, moment)
        await self.scheduling.once()
        for one in await self.schedules.listing():
            if one.build:
                await self.service.ask("GET", f"api/builds/{one.build}/events", "root")
                self.now = max(self.now, one.due)
                await self.scheduling.once()

    async def shown(self) -> dict[str, Any]:
        """The one schedule, as admins see it."""
        (one,) = (await self.service.ask("GET", "api/schedules", "root")).json()["schedules"]
        assert isinstance(one, dict)
        return one


@asynccontextmanager
async def yard(folder: Path, builder: FakeBuilder | None = None) -> AsyncIterator[Yard]:
    builder = builder or FakeBuilder()
    async with in_memory(folder, builder) as service:
        yield Yard(service, builder)


async def test_it_is_built_at_its_time_and_kept(tmp_path: Path) -> None:
    """Not before; the list tells the next time and what came of the last, and the image is no garbage."""
    async with yard(tmp_path) as there:
        await there.add()
        await there.pass_to(MONDAY + timedelta(days=6))
        assert there.builder.requests == [] and (await there.shown())["last_phase"] is None
        await there.pass_to(datetime(2082, 12, 7, 4, tzinfo=UTC))
        one = await there.shown()
        assert (one["last_phase"], one["image"], one["error"]) == ("ready", BUILT.image, None)
        assert one["next"] == "2082-12-14T04:00:00Z" and one["build"] is None
        assert await kept_images(there.database) == [(BUILT.image, "org/repo")]


async def test_what_an_outage_missed_is_done_once(tmp_path: Path) -> None:
    """After three weeks without a service it is built one time, by one of two processes."""
    async with yard(tmp_path) as there:
        await there.add()
        there.now = MONDAY + timedelta(weeks=3)
        other = Schedules(there.database, lambda: there.now)
        taken = await other.take()
        assert taken is not None and await there.schedules.take() is None
        there.now += TAKING  # the other one died
        await there.pass_to(there.now)
        assert len(there.builder.requests) == 1 and (await there.shown())["next"] == "2082-12-28T04:00:00Z"


async def test_a_failure_that_passes_is_tried_again_with_longer_and_longer_pauses(tmp_path: Path) -> None:
    """A host that does not answer: until it is built, and then the next time counts."""
    builder = Failing(Unreachable("The index is away."), Unreachable("The index is away."))
    async with yard(tmp_path, builder) as there:
        await there.add()
        await there.pass_to(datetime(2082, 12, 7, 4, tzinfo=UTC))
        for number in range(2):
            one = await there.shown()
            assert (one["last_phase"], one["error"]["code"], one["attempts"]) == ("failed", "unreachable", number + 1)
            assert datetime.fromisoformat(one["next"]) == there.now + PAUSES[number]
            await there.pass_to(there.now + PAUSES[number])
        one = await there.shown()
        assert (one["last_phase"], one["attempts"], one["next"]) == ("ready", 0, "2082-12-14T04:00:00Z")
        assert len(builder.requests) == 3


async def test_one_that_nobody_can_read_holds_up_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Such as a newer version's: the log says so, the service goes on looking, and builds the next one."""

    class Told(FakeBuilder):
        begun = asyncio.Event()

        async def build(self, request: BuildRequest, tell: Tell) -> Built:
            self.begun.set()
            return await super().build(request, tell)

    builder = Told()
    async with yard(tmp_path, builder) as there:
        await there.add()
        async with there.database.writing() as connection:
            await connection.execute(update(schedules_table).values(request={"form": "of tomorrow"}))
        other = BuildRequest(spec=Spec(provider="gh", repository="org/other"))
        await there.schedules.add(other, "1 4 * * 1", keep=True, author="root")
        there.now = datetime(2082, 12, 7, 5, tzinfo=UTC)
        async with Scheduling(there.service.jobs, there.database, there.schedules, look_seconds=0.01).running():
            async with asyncio.timeout(60):
                await builder.begun.wait()
    assert [request.spec.repository for request in builder.requests] == ["org/other"]
    assert "build what is scheduled broke" in caplog.text


async def test_it_is_given_up_until_its_next_time(tmp_path: Path) -> None:
    """At once where the repository is at fault, after the last pause where a host stays away."""
    away = [Unreachable("away")] * (len(PAUSES) + 1)
    async with yard(tmp_path, Failing(BuildFailed("postBuild failed."), *away)) as there:
        id = await there.add()
        await there.pass_to(datetime(2082, 12, 7, 4, tzinfo=UTC))
        one = await there.shown()
        assert (one["error"]["message"], one["attempts"], one["next"]) == (
            "postBuild failed.",
            0,
            "2082-12-14T04:00:00Z",
        )
        await there.schedules.at_once(id)
        for pause in (timedelta(), *PAUSES):
            await there.pass_to(there.now + pause)
        one = await there.shown()
        assert (one["error"]["code"], one["attempts"], one["next"]) == ("unreachable", 0, "2082-12-14T04:00:00Z")
        assert len(there.builder.requests) == 1 + len(away)


@pytest.mark.parametrize(("fails", "builds"), [((), 1), ((Unreachable("away"),), 2), ((BuildFailed("no"),), 1)])
async def test_a_push_is_tried_again_and_then_forgotten(
    tmp_path: Path, fails: tuple[HubkilnError, ...], builds: int
) -> None:
    """Only while what it failed of may pass."""
    async with yard(tmp_path, Failing(*fails)) as there:
        request = BuildRequest(spec=Spec(provider="gh", repository="org/repo", ref="main"))
        record, _ = await there.service.jobs.submit(request, "service:webhooks")
        await there.schedules.follow(record, "service:webhooks")
        for pause in (timedelta(), *PAUSES):
            await there.pass_to(there.now + pause)
        assert await there.schedules.listing() == [] and len(there.builder.requests) == builds


async def test_admins_add_run_and_remove(tmp_path: Path) -> None:
    """Over HTTP; the same repository has one, and what was removed while it was built does not come back."""
    async with yard(tmp_path) as there:
        made = (await there.service.ask("POST", "api/schedules", "root", json=WEEKLY)).json()
        assert (made["author"], made["keep"], made["spec"]["repository"]) == ("root", True, "org/repo")
        assert (await there.service.ask("POST", "api/schedules", "root", json=WEEKLY)).status_code == 409
        ran = await there.service.ask("POST", f"api/schedules/{made['id']}/run", "root")
        assert ran.status_code == 200 and ran.json()["next"] < made["next"]
        taken = await there.schedules.take()
        assert taken is not None
        assert (await there.service.ask("DELETE", f"api/schedules/{made['id']}", "root")).status_code == 204
        await there.schedules.under_way(taken, "1")
        assert (await there.service.ask("GET", "api/schedules", "root")).json() == {"schedules": []}
        assert (await there.service.ask("DELETE", f"api/schedules/{made['id']}", "root")).status_code == 404


async def test_a_pause_lasts_until_it_is_ended(tmp_path: Path) -> None:
    """No time of it is made up for; what was asked for before it does not end it; and it cannot be built meanwhile."""
    async with yard(tmp_path) as there:
        id = await there.add()
        there.now = datetime(2082, 12, 7, 4, tzinfo=UTC)
        taken = await there.schedules.take()
        assert taken is not None
        paused = (await there.service.ask("POST", f"api/schedules/{id}/pause", "root")).json()
        assert (paused["paused"], paused["next"]) == (True, None)
        await there.schedules.under_way(taken, "1")
        await there.pass_to(MONDAY + timedelta(weeks=5))
        assert there.builder.requests == [] and (await there.shown())["build"] is None
        assert (await there.service.ask("POST", f"api/schedules/{id}/run", "root")).status_code == 409
        assert (await there.schedules.go_on(id)).due == datetime(2083, 1, 11, 4, tzinfo=UTC)
        assert (await there.schedules.go_on(id)).due == datetime(2083, 1, 11, 4, tzinfo=UTC)
        await there.pass_to(datetime(2083, 1, 11, 4, tzinfo=UTC))
        assert len(there.builder.requests) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("POST", "/x/run"), ("POST", "/x/pause"), ("POST", "/x/go-on"), ("DELETE", "/x")],
)
async def test_schedules_are_for_admins(tmp_path: Path, method: str, path: str) -> None:
    """Others may neither see nor change them."""
    async with in_memory(tmp_path) as service:
        body = {"json": WEEKLY} if (method, path) == ("POST", "") else {}
        assert (await service.ask(method, f"api/schedules{path}", **body)).status_code == 403


@pytest.mark.parametrize("times", ["", "daily", "61 * * * *", "0 4 * *", "0 0 31 2 *", "* * * * * * *", "٣ * * * *"])
def test_times_that_never_come_are_refused(times: str) -> None:
    """By a sentence that says how they are written."""
    with pytest.raises(BadSpec, match="no times"):
        next_time(times, MONDAY)


async def test_there_is_an_end_to_how_many_there_may_be(tmp_path: Path) -> None:
    """So that a program that adds them without end fills no disk."""
    async with yard(tmp_path) as there:
        await there.add()
        request = BuildRequest(spec=Spec(provider="gh", repository="org/other"))
        with pytest.raises(Conflict, match="There are 1"):
            await Schedules(there.database, most=1).add(request, "0 4 * * *", keep=False, author="root")
