"""What is built at certain times, over HTTP, for admins."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hubkiln.builds import BuildRequest, Phase, Schedule, Schedules, as_of_date
from hubkiln.web.models import SpecModel, Wanted, spec_model
from hubkiln.web.problems import ErrorModel
from hubkiln.web.requests import CallerOf, PartsOf, check_admin

router = APIRouter(prefix="/api/schedules", tags=["schedules"])


class ScheduleOrder(Wanted):
    """What to build at which times; `refresh` looks for newer packages each time."""

    times: str = Field(min_length=1, max_length=120)
    """As cron has them, in UTC: ``0 4 * * 1``."""
    keep: bool = True
    """Let what was built last never be collected."""


class ScheduleModel(BaseModel):
    """A repository that is built at certain times, or a push that is tried again."""

    id: str
    spec: SpecModel
    as_of: str
    refresh: bool
    times: str
    """Empty for a push, which is built once."""
    keep: bool
    author: str
    created: datetime
    next: datetime | None
    """When it is built next, or tried again; null while it is being built or paused."""
    paused: bool
    attempts: int
    """Tries that failed since the last time came."""
    build: str | None
    """The build that is under way."""
    last_build: str | None
    last_phase: Phase | None
    last_at: datetime | None
    error: ErrorModel | None
    image: str | None
    """What was built last."""


class ScheduleList(BaseModel):
    """Schedules, by when something is to be done for them."""

    schedules: list[ScheduleModel]


@router.get("", response_model=ScheduleList)
async def listing(caller: CallerOf, parts: PartsOf) -> ScheduleList:
    """All of them, each with its last result and its next time."""
    check_admin(caller)
    return ScheduleList(schedules=[_model(one) for one in await Schedules(parts.database).listing()])


@router.post("", response_model=ScheduleModel, status_code=201)
async def add(body: ScheduleOrder, caller: CallerOf, parts: PartsOf) -> ScheduleModel:
    """Build a repository at certain times; what fails because a host does not answer is tried again."""
    check_admin(caller)
    spec = parts.offer.parse(body.spec, body.ref, body.subdir)
    as_of_date(body.as_of, datetime.now(UTC))
    request = BuildRequest(spec=spec, as_of=body.as_of, refresh=body.refresh)
    return _model(await Schedules(parts.database).add(request, body.times, keep=body.keep, author=caller.owner))


@router.post("/{id}/run", response_model=ScheduleModel)
async def run(id: str, caller: CallerOf, parts: PartsOf) -> ScheduleModel:
    """Build it now, besides its times."""
    check_admin(caller)
    return _model(await Schedules(parts.database).at_once(id))


@router.post("/{id}/pause", response_model=ScheduleModel)
async def pause(id: str, caller: CallerOf, parts: PartsOf) -> ScheduleModel:
    """Build it at no times until it is let go on; what it keeps stays."""
    check_admin(caller)
    return _model(await Schedules(parts.database).pause(id))


@router.post("/{id}/go-on", response_model=ScheduleModel)
async def go_on(id: str, caller: CallerOf, parts: PartsOf) -> ScheduleModel:
    """End its pause."""
    check_admin(caller)
    return _model(await Schedules(parts.database).go_on(id))


@router.delete("/{id}", status_code=204)
async def remove(id: str, caller: CallerOf, parts: PartsOf) -> None:
    """Build it at no times any more; what it kept may be collected."""
    check_admin(caller)
    await Schedules(parts.database).remove(id)


def _model(schedule: Schedule) -> ScheduleModel:
    request, spec = schedule.request, schedule.request.spec
    return ScheduleModel(
        id=schedule.id,
        spec=spec_model(spec),
        as_of=request.as_of,
        refresh=request.refresh,
        times=schedule.times,
        keep=schedule.keep,
        author=schedule.author,
        created=schedule.created,
        next=None if schedule.build or schedule.paused else schedule.due,
        paused=schedule.paused,
        attempts=schedule.attempts,
        build=schedule.build,
        last_build=schedule.last_build,
        last_phase=Phase(schedule.last_phase) if schedule.last_phase else None,
        last_at=schedule.last_at,
        error=ErrorModel(**schedule.problem) if schedule.problem else None,
        image=schedule.image,
    )
