"""For whoever has not pressed the button yet: what would happen, and which branches and tags there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from hubkiln.builds import BuildRequest, Outcome, as_of_date
from hubkiln.errors import Unreachable
from hubkiln.web.arrivals import check_network
from hubkiln.web.auth import Caller
from hubkiln.web.models import Wanted
from hubkiln.web.problems import ErrorModel, error_model
from hubkiln.web.requests import CallerOf, Parts, PartsOf, check_may_build, check_rules, only_looks
from hubkiln.web.visitors import address_of

router = APIRouter(prefix="/api", tags=["builds"])


class ForecastModel(BaseModel):
    """What a build would come to."""

    outcome: Outcome
    seconds: float | None
    """About how long it takes, by earlier builds; for ``unknown`` as long as what is composed."""
    why: list[str]
    commit: str
    earlier: bool
    """Whether an earlier commit of the same repository tells it."""
    error: ErrorModel | None


@router.get("/forecast", response_model=ForecastModel)
async def forecast(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    spec: Annotated[str, Query(max_length=20_480)],
    ref: Annotated[str | None, Query(max_length=512)] = None,
    subdir: Annotated[str, Query(max_length=1024)] = "",
    as_of: Annotated[str, Query(pattern=r"^(today|commit|\d{4}-\d{2}-\d{2})$")] = "today",
    refresh: bool = False,
) -> ForecastModel:
    """What ``POST builds`` with the same would come to; the repository's host may be asked for the ref."""
    wanted = Wanted(spec=spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
    return await _forecast(request, caller, parts, wanted)


@router.post("/forecast", response_model=ForecastModel)
async def forecast_long(request: Request, caller: CallerOf, parts: PartsOf, body: Wanted) -> ForecastModel:
    """The same, for what is too long for an address."""
    only_looks(request)
    return await _forecast(request, caller, parts, body)


async def _forecast(request: Request, caller: Caller, parts: Parts, wanted: Wanted) -> ForecastModel:
    check_may_build(parts, caller)
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    as_of_date(wanted.as_of, datetime.now(UTC))
    spec = parts.offer.parse(wanted.spec, wanted.ref or None, wanted.subdir)
    asked = BuildRequest(spec=spec, as_of=wanted.as_of, refresh=wanted.refresh)
    found = await parts.jobs.forecasts.of(asked, caller.owner, caller.groups)
    return ForecastModel(
        outcome=found.outcome,
        seconds=found.seconds,
        why=list(found.why),
        commit=found.commit,
        earlier=found.earlier,
        error=error_model(found.problem),
    )


class RefsModel(BaseModel):
    """Branches and tags."""

    default: str
    """The default branch."""
    branches: list[str]
    """The default first, then by name."""
    tags: list[str]
    """Highest version first."""
    more: int
    """How many are left out."""
    error: ErrorModel | None = None
    """Why none can be told now, though nothing is wrong with the request: a host that does not answer."""


@router.get("/refs", response_model=RefsModel)
async def refs(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    spec: Annotated[str, Query(max_length=8192)],
    q: Annotated[str, Query(max_length=512)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RefsModel:
    """Branches and tags that begin with `q`, or else have it in them; `limit` of each. The host is asked at times."""
    check_may_build(parts, caller)
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    asked = replace(parts.offer.parse(spec, None, ""), ref="HEAD")
    if not any(kind.id == asked.provider and kind.ref for kind in parts.offer.kinds):
        return RefsModel(default="", branches=[], tags=[], more=0)
    await check_rules(parts, asked, caller.owner)
    try:
        found = await parts.offer.refs.find(asked, caller.owner)
    except Unreachable as error:
        return RefsModel(default="", branches=[], tags=[], more=0, error=error_model(error))
    branches, tags = _having(found.branches, q), _having(found.tags, q)
    more = max(0, len(branches) - limit) + max(0, len(tags) - limit)
    return RefsModel(default=found.default, branches=branches[:limit], tags=tags[:limit], more=more)


def _having(names: Sequence[str], q: str) -> list[str]:
    q = q.lower()
    return sorted((name for name in names if q in name.lower()), key=lambda name: not name.lower().startswith(q))
