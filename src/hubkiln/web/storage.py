"""What the machine's disk holds and could be freed of, over HTTP; for admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from hubkiln.environments import held_by_users
from hubkiln.web.requests import CallerOf, PartsOf, check_admin
from hubkiln.web.storage_report import StorageModel

router = APIRouter(prefix="/api/storage", tags=["storage"])


@router.get("", response_model=StorageModel)
async def storage(caller: CallerOf, parts: PartsOf) -> StorageModel:
    """Look at all that is kept, and change nothing; it may take a minute."""
    check_admin(caller)
    return await parts.storage.look()


class HeldModel(BaseModel):
    """What is kept for one user."""

    owner: str
    environments: int
    bytes: int
    """Of those images that somebody has looked at."""
    unknown: int
    """Images that nobody has looked at yet."""


class HeldList(BaseModel):
    """What is kept for users, the most first."""

    users: list[HeldModel]


@router.get("/users", response_model=HeldList)
async def users(caller: CallerOf, parts: PartsOf, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> HeldList:
    """Whose environments take how much, as far as it has been measured; each image as if it shared nothing."""
    check_admin(caller)
    held = await held_by_users(parts.database, limit)
    return HeldList(users=[HeldModel(**asdict(one)) for one in held])
