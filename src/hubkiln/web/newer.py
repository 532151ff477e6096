"""Whether repositories of saved environments have newer commits: asked by pages, hindering nobody."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from hubkiln.environments import Environment
from hubkiln.errors import HubkilnError
from hubkiln.values import utc_now
from hubkiln.web.arrivals import check_network
from hubkiln.web.auth import Caller
from hubkiln.web.environments import seen
from hubkiln.web.requests import CallerOf, Parts, PartsOf
from hubkiln.web.visitors import address_of

router = APIRouter(prefix="/api", tags=["environments"])

AT_ONCE = 8
"""Hosts asked at the same time for one page."""
MOST = 50
"""Environments that one page may ask about."""


class NewerModel(BaseModel):
    """What a repository has that its environment has not."""

    id: str
    ref: str
    commit: str
    """What the ref means now."""


class NewerList(BaseModel):
    """Of the environments that were asked about those whose ref means another commit now."""

    newer: list[NewerModel]


@router.get("/newer", response_model=NewerList)
async def newer(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    id: Annotated[list[str], Query(max_length=MOST)],
) -> NewerList:
    """
    Of the environments with these ids those whose ref means another commit now.

    The answer may be some minutes old; a host that does not answer within seconds tells of no newer commit.
    """
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    slots = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_newer(parts, one, caller, slots) for one in dict.fromkeys(id)))
    return NewerList(newer=[one for one in found if one is not None])


async def _newer(parts: Parts, id: str, caller: Caller, slots: asyncio.Semaphore) -> NewerModel | None:
    try:
        environment = await seen(parts, id, caller)
        if parts.offer.newest is None or not _follows(parts, environment):
            return None
        async with slots:
            revision = await parts.offer.newest.find(environment.spec, caller.owner, _age(environment))
    except HubkilnError:  # it is away, or its host is: nothing newer is known
        return None
    if revision.commit == environment.commit:
        return None
    return NewerModel(id=id, ref=environment.spec.ref, commit=revision.commit)


def _age(environment: Environment) -> float:
    """Seconds since it was built: what was found before is older than what it has."""
    return max(0.0, (utc_now() - (environment.built or environment.created)).total_seconds())


def _follows(parts: Parts, environment: Environment) -> bool:
    """Whether it is of something that can have another commit tomorrow."""
    return any(kind.id == environment.spec.provider and kind.ref for kind in parts.offer.kinds)
