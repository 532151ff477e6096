"""Other limits for a time, over HTTP, for admins; and what holds for whoever asks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hubkiln.builds import LIMITS, Concerned, Occasion, OccasionKind, Occasions
from hubkiln.values import utc_now
from hubkiln.web.requests import CallerOf, PartsOf, check_admin

router = APIRouter(prefix="/api", tags=["limits"])

Limit = str | int | float | None


class OccasionOrder(BaseModel):
    """Other limits to set for a time."""

    model_config = ConfigDict(extra="forbid")

    kind: OccasionKind
    pattern: str = Field(default="*", min_length=1, max_length=1024)
    """A user, a group, or a repository as ``gh/org/repo``; ``*`` and ``?`` stand for anything."""
    limits: dict[str, Limit] = Field(max_length=len(LIMITS))
    """By the names of settings: ``{"user_builds": 5, "user_build_time_daily": "8h"}``; null is no limit."""
    begins: AwareDatetime | None = None
    """Now, unless given."""
    ends: AwareDatetime
    reason: str = Field(default="", max_length=1000)


class OccasionModel(BaseModel):
    """Other limits for a time."""

    id: str
    kind: OccasionKind
    pattern: str
    limits: dict[str, float | None]
    begins: datetime
    ends: datetime
    reason: str
    author: str
    created: datetime


class OccasionList(BaseModel):
    """Occasions, by their begin."""

    occasions: list[OccasionModel]


class ChangedModel(BaseModel):
    """Why a limit is not the usual one."""

    limit: str
    ends: datetime
    reason: str


class UsedModel(BaseModel):
    """What the caller has had, in the last 24 hours where it is of a day."""

    user_builds_daily: int
    user_build_time_daily: float
    user_launches_daily: int
    user_stored: int | None
    """None where it is not limited."""


class OwnLimitsModel(BaseModel):
    """How much the caller may have."""

    limits: dict[str, float | None]
    """By the names of settings; seconds and bytes; null is no limit."""
    used: UsedModel
    changed: list[ChangedModel]


@router.get("/limits", response_model=OwnLimitsModel)
async def limits(caller: CallerOf, parts: PartsOf, spec: str = "") -> OwnLimitsModel:
    """What the caller may have now, and has had; `spec` (``gh/org/repo``) says of which repository."""
    whom = Concerned(owner=caller.owner, groups=caller.groups, spec=spec)
    found, used = await parts.jobs.limits.of(whom), await parts.jobs.limits.used(whom)
    return OwnLimitsModel(
        limits={name: getattr(found.quotas, field) for name, field in LIMITS.items()},
        used=UsedModel(
            user_builds_daily=used.builds,
            user_build_time_daily=used.build_seconds,
            user_launches_daily=used.launches,
            user_stored=used.stored_bytes,
        ),
        changed=[
            ChangedModel(limit=name, ends=found.because[field].ends, reason=found.because[field].reason)
            for name, field in LIMITS.items()
            if field in found.because
        ],
    )


@router.get("/occasions", response_model=OccasionList)
async def listing(caller: CallerOf, parts: PartsOf) -> OccasionList:
    """All occasions, those that are over too."""
    check_admin(caller)
    return OccasionList(occasions=[_model(one) for one in await Occasions(parts.database).listing()])


@router.post("/occasions", response_model=OccasionModel, status_code=201)
async def add(body: OccasionOrder, caller: CallerOf, parts: PartsOf) -> OccasionModel:
    """Set other limits for a time."""
    check_admin(caller)
    occasion = await Occasions(parts.database).add(
        body.kind,
        body.pattern,
        body.limits,
        begins=body.begins or utc_now(),
        ends=body.ends,
        author=caller.owner,
        reason=body.reason,
    )
    return _model(occasion)


@router.delete("/occasions/{id}", status_code=204)
async def remove(id: str, caller: CallerOf, parts: PartsOf) -> None:
    """Back to the usual limits."""
    check_admin(caller)
    await Occasions(parts.database).remove(id)


def _model(occasion: Occasion) -> OccasionModel:
    return OccasionModel(**asdict(occasion))
