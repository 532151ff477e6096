"""The build service as one ASGI application: composition only, every part is given."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import unquote

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from hubkiln import __version__
from hubkiln.web import (
    badges,
    binderhub,
    builds,
    credentials,
    environments,
    forecast,
    health,
    newer,
    occasions,
    pages,
    problems,
    providers,
    recognised,
    rules,
    schedules,
    storage,
    typed_images,
    users,
    webhooks,
)
from hubkiln.web.middleware import Around
from hubkiln.web.requests import Parts
from hubkiln.web.spelled import WrittenLinks
from hubkiln.web.standing import StandingAnswers

ANSWERING = (
    builds,
    environments,
    credentials,
    rules,
    occasions,
    schedules,
    users,
    storage,
    binderhub,
    providers,
    recognised,
    forecast,
    typed_images,
    badges,
    pages,
    webhooks,
    health,
    newer,
)
"""What answers below the prefix."""


def create_app(parts: Parts) -> FastAPI:
    """
    The application below the prefix of `parts`.

    Whoever serves it starts and stops the jobs: builds must be told to end before the server waits for its streams.
    """
    prefix = unquote(parts.prefix)  # a request's path is compared with it as it is read, not as it is written
    app = routed(prefix)
    app.state.parts = parts
    larger = {f"{prefix}api/webhooks/": webhooks.LARGEST} if parts.settings.webhook_secret else {}
    largest = parts.settings.max_body_bytes
    app.add_middleware(StandingAnswers, parts=parts)
    app.add_middleware(
        Around,
        max_body_bytes=largest,
        larger=larger,
        audit=parts.audit,
        tracing=parts.tracing,
        streams=re.compile(f"{re.escape(prefix)}(build/|api/builds/[^/]+/events$|oauth_callback$)"),
    )
    app.add_middleware(WrittenLinks, prefix=parts.prefix)
    problems.install(app)
    return app


def routed(prefix: str) -> FastAPI:
    """All that can be asked below `prefix`, with nothing behind it: enough to describe it."""
    return FastAPI(
        title="Hubkiln build service",
        version=__version__,
        routes=[*_routes(prefix)],
        openapi_url=f"{prefix}api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # what is told of a request is ours: see tracing
    )


@cache
def _routes(prefix: str) -> tuple[BaseRoute, ...]:
    """Of all that answers below `prefix`, read once in a process: FastAPI takes long over what they declare."""
    router = APIRouter()
    for part in ANSWERING:
        router.include_router(part.router, prefix=prefix.rstrip("/"))
    if prefix != "/":
        router.include_router(health.router, include_in_schema=False)  # for probes that go past the proxy
    return tuple(router.routes)
