"""Whether the service is well, what it is made of, and its numbers; for probes, so nobody needs to log in.

*Down* is who cannot build: 503. *Degraded* is who can, but not for everybody or not as usual: 200, and the check that
is not well says so; whoever needs all of them looks at each, as federations do.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from hubkiln import __version__
from hubkiln.errors import HubkilnError
from hubkiln.web.origins import ALLOWED
from hubkiln.web.requests import Parts, PartsOf

router = APIRouter(tags=["health"])

ANYWHERE = {"Access-Control-Allow-Origin": "*"}


class CheckModel(BaseModel):
    """One check."""

    service: str
    ok: bool
    reason: str | None = None
    total_pods: int | None = None
    build_pods: int | None = None
    user_pods: int | None = None
    quota: int | None = None
    """Builds at once: where `total_pods` comes near, others wait."""
    ignore_failure: bool | None = Field(default=None, serialization_alias="_ignore_failure")


class HealthModel(BaseModel):
    """The service's health."""

    ok: bool
    """False when nothing can be built."""
    status: str
    """``ok``, ``degraded`` or ``down``."""
    checks: list[CheckModel]


class VersionsModel(BaseModel):
    """What the service is made of."""

    builder_info: dict[str, str]
    binderhub: str


@router.options("/versions", status_code=204, include_in_schema=False)
@router.options("/health", status_code=204, include_in_schema=False)
@router.options("/api/repoproviders", status_code=204, include_in_schema=False)
async def preflight() -> Response:
    """Pages of other sites may ask what everybody may read with headers of their own, as of BinderHub."""
    return Response(status_code=204, headers=ALLOWED | ANYWHERE | {"Access-Control-Max-Age": "600"})


@router.get("/health", response_model=HealthModel, response_model_exclude_none=True)
async def health(response: Response, parts: PartsOf) -> HealthModel:
    """200 when builds can be made (``status`` says whether all is well), else 503."""
    down = await _records(parts)
    checks = [_check("Build records", down)]
    for name, party in parts.parties.items():
        checks.append(_check(name, await party.problem()))
    checks.append(_pods(parts.metrics.building, parts.at_once))
    well = all(check.ok for check in checks)
    response.status_code = 503 if down else 200
    response.headers.update(ANYWHERE)
    return HealthModel(ok=not down, status="down" if down else "ok" if well else "degraded", checks=checks)


@router.get("/live", include_in_schema=False)
async def live() -> Response:
    """Whether this process answers at all. Nothing else is asked: a new process would not bring a database back."""
    return Response("alive\n", media_type="text/plain")


@router.get("/ready", include_in_schema=False)
async def ready(parts: PartsOf) -> Response:
    """
    Whether requests should come to this replica: not while it is being stopped.

    When the database is away they should come all the same, and are told so; no other replica could do better.
    """
    stopping = parts.jobs.stopping.is_set()
    return Response("stopping\n" if stopping else "ready\n", 503 if stopping else 200, media_type="text/plain")


@router.get("/versions", response_model=VersionsModel)
async def versions(response: Response, parts: PartsOf) -> VersionsModel:
    """In the shape of BinderHub's, which charts and federations probe."""
    response.headers.update(ANYWHERE)
    return VersionsModel(
        builder_info={"builder": "hubkiln", "engine": parts.offer.engine().engine}, binderhub=f"hubkiln {__version__}"
    )


@router.get("/metrics", include_in_schema=False)
async def metrics(parts: PartsOf) -> Response:
    """Numbers for Prometheus."""
    return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4")


async def _records(parts: Parts) -> str:
    if parts.jobs.stopping.is_set():
        return "The service is stopping."
    try:
        await parts.jobs.listing(None, 1)
    except HubkilnError as error:
        return error.message
    return parts.jobs.trouble


def _check(service: str, problem: str) -> CheckModel:
    return CheckModel(service=service, ok=not problem, reason=problem or None)


def _pods(running: int, quota: int) -> CheckModel:
    """What federations read to know where there is room."""
    return CheckModel(
        service="Pod quota",
        ok=True,
        total_pods=running,
        build_pods=running,
        user_pods=0,
        quota=quota,
        ignore_failure=True,
    )
