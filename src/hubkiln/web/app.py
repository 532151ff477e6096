"""The build service as one ASGI application: composition only, every part is given."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from hubkiln import __version__
from hubkiln.builds import Jobs
from hubkiln.environments import Catalogue
from hubkiln.images import References
from hubkiln.values import Spec
from hubkiln.web import binderhub, builds, environments, health, problems
from hubkiln.web.auth import Auth
from hubkiln.web.middleware import Around
from hubkiln.web.models import EngineModel
from hubkiln.web.requests import Parts
from hubkiln.web.settings import WebSettings


def create_app(
    *,
    jobs: Jobs,
    catalogue: Catalogue,
    auth: Auth,
    engine: Callable[[], EngineModel],
    parse: Callable[[str, str | None, str], Spec],
    parse_provider: Callable[[str, str], Spec],
    prefix: str = "/services/binder/",
    settings: WebSettings | None = None,
    references: References | None = None,
) -> FastAPI:
    """
    The application below `prefix` (with a slash at both ends).

    Whoever serves it starts and stops `jobs`: builds must be told to end before the server waits for its streams.
    """
    settings = settings or WebSettings()
    app = FastAPI(
        title="Hubkiln build service",
        version=__version__,
        openapi_url=f"{prefix}api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = Parts(
        jobs=jobs,
        catalogue=catalogue,
        auth=auth,
        engine=engine,
        parse=parse,
        parse_provider=parse_provider,
        prefix=prefix,
        settings=settings,
        references=references or References(),
    )
    app.add_middleware(Around, max_body_bytes=settings.max_body_bytes)
    problems.install(app)
    for routes in (builds.router, environments.router, binderhub.router, health.router):
        app.include_router(routes, prefix=prefix.rstrip("/"))
    if prefix != "/":
        app.include_router(health.router, include_in_schema=False)  # for probes that go past the proxy
    return app
