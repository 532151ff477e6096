"""The build service as one ASGI application: composition only, every part is given."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence

from fastapi import FastAPI

from hubkiln import __version__
from hubkiln.builds import BuildSettings, Jobs
from hubkiln.environments import Catalogue
from hubkiln.images import References
from hubkiln.launches import Launcher
from hubkiln.signing import Signer
from hubkiln.values import Spec
from hubkiln.web import (
    badges,
    binderhub,
    builds,
    credentials,
    environments,
    health,
    pages,
    problems,
    providers,
    rules,
)
from hubkiln.web.auth import Auth
from hubkiln.web.kinds import KINDS, Written
from hubkiln.web.login import HubLogin
from hubkiln.web.measured import Metrics
from hubkiln.web.middleware import Around
from hubkiln.web.models import EngineModel
from hubkiln.web.parties import Party
from hubkiln.web.requests import Parts, Private
from hubkiln.web.settings import WebSettings
from hubkiln.web.visitors import Visits


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
    metrics: Metrics | None = None,
    parties: Mapping[str, Party] | None = None,
    secret: str = "",
    at_once: int = BuildSettings().at_once,
    launcher: Launcher | None = None,
    login: HubLogin | None = None,
    public_origin: str = "",
    private: Private | None = None,
    kinds: Sequence[Written] = KINDS,
) -> FastAPI:
    """
    The application below `prefix` (with a slash at both ends).

    `parties` are asked for ``/health``. What was signed with `secret` is known again by every process that has it;
    without one a fresh secret is made.

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
    metrics = metrics or Metrics()
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
        metrics=metrics,
        signer=Signer(secret or secrets.token_hex(32)),
        visits=Visits(settings.anonymous_limit),
        parties=parties or {},
        at_once=at_once,
        launcher=launcher,
        login=login,
        public_origin=public_origin,
        private=private or Private(),
        kinds=kinds,
    )
    app.add_middleware(Around, max_body_bytes=settings.max_body_bytes)
    problems.install(app)
    for part in (builds, environments, credentials, rules, binderhub, providers, badges, pages, health):
        app.include_router(part.router, prefix=prefix.rstrip("/"))
    if prefix != "/":
        app.include_router(health.router, include_in_schema=False)  # for probes that go past the proxy
    return app
