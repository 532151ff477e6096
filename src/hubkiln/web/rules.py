"""What may not be built, over HTTP; for admins."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hubkiln.builds import RuleKind
from hubkiln.web.requests import CallerOf, PartsOf, check_admin

router = APIRouter(prefix="/api/rules", tags=["rules"])


class RuleOrder(BaseModel):
    """A rule to make."""

    model_config = ConfigDict(extra="forbid")

    kind: RuleKind
    pattern: str = Field(min_length=1, max_length=1024)
    allowed: bool = False
    reason: str = Field(default="", max_length=1000)
    expires: AwareDatetime | None = None


class RuleModel(BaseModel):
    """A rule."""

    id: str
    kind: RuleKind
    pattern: str
    allowed: bool
    reason: str
    author: str
    created: datetime
    expires: datetime | None


class RuleList(BaseModel):
    """Rules, newest first."""

    rules: list[RuleModel]


@router.get("", response_model=RuleList)
async def listing(caller: CallerOf, parts: PartsOf) -> RuleList:
    """All rules, those that have ended too."""
    check_admin(caller)
    return RuleList(rules=[RuleModel(**asdict(rule)) for rule in await parts.jobs.rules.listing()])


@router.post("", response_model=RuleModel, status_code=201)
async def add(body: RuleOrder, caller: CallerOf, parts: PartsOf) -> RuleModel:
    """Forbid something, or allow it alone; holds at once."""
    check_admin(caller)
    rule = await parts.jobs.rules.add(
        body.kind,
        body.pattern,
        author=caller.owner,
        allowed=body.allowed,
        reason=body.reason,
        expires=body.expires,
    )
    return RuleModel(**asdict(rule))


@router.delete("/{id}", status_code=204)
async def remove(id: str, caller: CallerOf, parts: PartsOf) -> None:
    """Take a rule back."""
    check_admin(caller)
    await parts.jobs.rules.remove(id)
