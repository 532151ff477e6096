"""What the machine's disk holds and could be freed of, over HTTP; for admins."""

from __future__ import annotations

from fastapi import APIRouter

from hubkiln.web.requests import CallerOf, PartsOf, check_admin
from hubkiln.web.storage_report import StorageModel

router = APIRouter(prefix="/api/storage", tags=["storage"])


@router.get("", response_model=StorageModel)
async def storage(caller: CallerOf, parts: PartsOf) -> StorageModel:
    """Look at all that is kept, and change nothing; it may take a minute."""
    check_admin(caller)
    return await parts.storage.look()
