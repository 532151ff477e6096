"""Builds: durable jobs, their events, and who watches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.builds.codec import decode as decode_event
    from hubkiln.builds.codec import encode as encode_event
    from hubkiln.builds.dates import as_of_date, end_of
    from hubkiln.builds.deliveries import Deliveries
    from hubkiln.builds.events import ENDS, Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved
    from hubkiln.builds.forecasts import Forecast, Outcome
    from hubkiln.builds.interface import (
        Builder,
        BuildRequest,
        BuildSettings,
        Built,
        Intended,
        OnReady,
        Present,
        Quotas,
        Record,
        Tell,
        Told,
    )
    from hubkiln.builds.jobs import Jobs
    from hubkiln.builds.jobs import compose as compose_jobs
    from hubkiln.builds.lookups import Glances
    from hubkiln.builds.reporter import Reporter
    from hubkiln.builds.requests import Sources
    from hubkiln.builds.rules import Rule, RuleKind, Rules, asked_of

__all__ = [
    "ENDS",
    "BuildRequest",
    "BuildSettings",
    "Builder",
    "Built",
    "Deliveries",
    "Entered",
    "Event",
    "Forecast",
    "Glances",
    "Intended",
    "Jobs",
    "Log",
    "OnReady",
    "Outcome",
    "Phase",
    "Planned",
    "Present",
    "Progress",
    "Queued",
    "Quotas",
    "Record",
    "Reporter",
    "Resolved",
    "Rule",
    "RuleKind",
    "Rules",
    "Sources",
    "Tell",
    "Told",
    "as_of_date",
    "asked_of",
    "compose_jobs",
    "decode_event",
    "encode_event",
    "end_of",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
