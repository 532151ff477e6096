"""Whether the service is well, and what it is made of; for probes, so nobody needs to log in."""

from __future__ import annotations

from fastapi import APIRouter, Response

from hubkiln import __version__
from hubkiln.errors import ServiceError
from hubkiln.web.requests import PartsOf

router = APIRouter(tags=["health"])

ANYWHERE = {"Access-Control-Allow-Origin": "*"}


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(response: Response, parts: PartsOf) -> dict[str, object]:
    """200 when every check is well, else 503."""
    try:
        await parts.jobs.listing(None, 1)
        well = not parts.jobs.stopping.is_set()
    except ServiceError:
        well = False
    response.status_code = 200 if well else 503
    return {"ok": well, "checks": [{"service": "Build records", "ok": well}]}


@router.get("/versions")
async def versions(response: Response, parts: PartsOf) -> dict[str, object]:
    """In the shape of BinderHub's, which charts and federations probe."""
    response.headers.update(ANYWHERE)
    return {
        "builder_info": {"builder": "hubkiln", "engine": parts.engine().engine},
        "binderhub": f"hubkiln {__version__}",
    }
