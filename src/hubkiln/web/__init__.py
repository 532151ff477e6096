"""The build service's web API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.web.app import create_app
    from hubkiln.web.auth import Auth, Caller, Kind
    from hubkiln.web.environments import Saving, saving
    from hubkiln.web.kinds import written
    from hubkiln.web.listening import HubEnvironment, listen
    from hubkiln.web.logins import HubLogins
    from hubkiln.web.measured import Measured, Metrics
    from hubkiln.web.models import Ability, EngineModel, LimitsModel, PackageList, PackageModel
    from hubkiln.web.offer import Contents, NoContents, Offer, no_refs
    from hubkiln.web.parties import Party
    from hubkiln.web.requests import Parts, Private
    from hubkiln.web.serve import serve as serve_web
    from hubkiln.web.settings import WebSettings
    from hubkiln.web.storage_report import StorageReport
    from hubkiln.web.tracing import NoTracing, Tracing

__all__ = [
    "Ability",
    "Auth",
    "Caller",
    "Contents",
    "EngineModel",
    "HubEnvironment",
    "HubLogins",
    "Kind",
    "LimitsModel",
    "Measured",
    "Metrics",
    "NoContents",
    "NoTracing",
    "Offer",
    "PackageList",
    "PackageModel",
    "Parts",
    "Party",
    "Private",
    "Saving",
    "StorageReport",
    "Tracing",
    "WebSettings",
    "create_app",
    "listen",
    "no_refs",
    "saving",
    "serve_web",
    "written",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
