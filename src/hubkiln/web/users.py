"""What is kept under users' names, over HTTP, for admins: to be forgotten, or to follow a user to another name."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hubkiln.users import KeptOfUser, KeptOfUsers
from hubkiln.web.requests import CallerOf, Parts, PartsOf, check_admin

router = APIRouter(prefix="/api/users", tags=["users"])


class NewName(BaseModel):
    """What a user is called now."""

    name: str = Field(min_length=1, max_length=255)


class KeptModel(BaseModel):
    """What is kept, or was, under one name."""

    name: str
    environments: int
    builds: int
    under_way: int
    """Of these builds, those that have not ended."""
    tokens: bool
    """Whether they stored tokens for hosts."""
    schedules: int
    rules: int
    """Rules and occasions that name them."""


@router.get("/{name:path}", response_model=KeptModel)
async def show(name: str, caller: CallerOf, parts: PartsOf) -> KeptModel:
    """What is kept of a user; of a service, `service/NAME`."""
    check_admin(caller)
    return _model(await _kept(parts).of(name))


@router.delete("/{name:path}", response_model=KeptModel)
async def forget(name: str, caller: CallerOf, parts: PartsOf) -> KeptModel:
    """Forget environments, builds and stored tokens of a user who has left; what is built for nobody else stops."""
    check_admin(caller)
    return _model(await _kept(parts).forget(name))


@router.patch("/{name:path}", response_model=KeptModel)
async def rename(name: str, body: NewName, caller: CallerOf, parts: PartsOf) -> KeptModel:
    """Let everything that is kept of a user be that of another name."""
    check_admin(caller)
    return _model(await _kept(parts).rename(name, body.name))


def _kept(parts: Parts) -> KeptOfUsers:
    return KeptOfUsers(parts.database, parts.private.keyring)


def _model(kept: KeptOfUser) -> KeptModel:
    of = kept.of_builds
    return KeptModel(
        name=kept.name,
        environments=kept.environments,
        builds=of.builds,
        under_way=of.under_way,
        tokens=kept.tokens,
        schedules=of.schedules,
        rules=of.rules,
    )
