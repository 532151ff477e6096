"""An image that somebody types, looked at before a server starts in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from hubkiln.builds import RuleKind
from hubkiln.errors import NotFound, UserError
from hubkiln.images import Seen, Sign
from hubkiln.web.arrivals import check_network
from hubkiln.web.auth import Caller
from hubkiln.web.problems import ErrorModel, error_model
from hubkiln.web.requests import CallerOf, Parts, PartsOf
from hubkiln.web.visitors import address_of

router = APIRouter(prefix="/api", tags=["environments"])


class SeenModel(BaseModel):
    """An image as its registry describes it; all null where it cannot be had, or nobody can be asked."""

    reference: str | None = None
    """By digest."""
    size_bytes: int | None = None
    """As it is sent, compressed."""
    platform: str | None = None
    created: datetime | None = None
    sign: Sign | None = None
    """What its description says of Jupyter."""
    error: ErrorModel | None = None
    """Why no server can start in it."""


@router.get("/images/look", response_model=SeenModel)
async def look(
    request: Request, caller: CallerOf, parts: PartsOf, ref: Annotated[str, Query(max_length=1024)]
) -> SeenModel:
    """What is known of an image before it is pulled; its registry is asked once in ten minutes."""
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    try:
        found = await _found(parts, caller, ref.strip())
    except UserError as error:
        return SeenModel(error=error_model(error))
    if found is None:
        return SeenModel()
    return SeenModel(
        reference=found.reference,
        size_bytes=found.size_bytes,
        platform=found.platform,
        created=found.created,
        sign=found.sign,
    )


async def _found(parts: Parts, caller: Caller, ref: str) -> Seen | None:
    await parts.jobs.rules.check({RuleKind.IMAGE: ref, RuleKind.USER: caller.owner})
    if parts.offer.references.are_ours(ref):  # built for somebody: nobody else learns that it is there
        known = await parts.catalogue.known(await parts.offer.references.one(ref), caller.owner, caller.groups)
        if not known.visible:
            raise NotFound(f"There is no image {ref[:200]} that you may start.", hint="Check its name.")
    return await parts.offer.looks.at(ref, caller.owner)
