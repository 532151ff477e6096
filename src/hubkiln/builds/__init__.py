"""Builds: durable jobs, their events, and who watches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.builds.allowances import LIMITS, Quotas
    from hubkiln.builds.apart import in_processes
    from hubkiln.builds.child import Opened, build_once
    from hubkiln.builds.codec import decode as decode_event
    from hubkiln.builds.codec import encode as encode_event
    from hubkiln.builds.current import CurrentBuild, current_build
    from hubkiln.builds.dates import as_of_date, end_of
    from hubkiln.builds.deliveries import Deliveries
    from hubkiln.builds.events import ENDS, Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved
    from hubkiln.builds.forecasts import Forecast, Outcome
    from hubkiln.builds.interface import (
        BuildDied,
        Builder,
        BuildRequest,
        BuildSettings,
        Built,
        Intended,
        OnReady,
        Present,
        Record,
        Tell,
        Told,
    )
    from hubkiln.builds.jobs import Jobs
    from hubkiln.builds.jobs import compose as compose_jobs
    from hubkiln.builds.journal import QUEUE
    from hubkiln.builds.limits import Limits, Used
    from hubkiln.builds.lines import built_line, event_lines, failed_line
    from hubkiln.builds.lookups import Glances
    from hubkiln.builds.notices import BEGUN, ENDED, MOST_ASKED, Notice, Notices, commit_of, service_of
    from hubkiln.builds.occasions import Concerned, Occasion, OccasionKind, Occasions, spec_name
    from hubkiln.builds.owners import Owned, forget_builds, leave_all, owned, rename_builds
    from hubkiln.builds.reporter import Reporter
    from hubkiln.builds.requests import Sources
    from hubkiln.builds.rules import Rule, RuleKind, Rules, asked_of
    from hubkiln.builds.schedules import Schedule, Schedules, kept_images
    from hubkiln.builds.standing import Kept

__all__ = [
    "BEGUN",
    "ENDED",
    "ENDS",
    "LIMITS",
    "MOST_ASKED",
    "QUEUE",
    "BuildDied",
    "BuildRequest",
    "BuildSettings",
    "Builder",
    "Built",
    "Concerned",
    "CurrentBuild",
    "Deliveries",
    "Entered",
    "Event",
    "Forecast",
    "Glances",
    "Intended",
    "Jobs",
    "Kept",
    "Limits",
    "Log",
    "Notice",
    "Notices",
    "Occasion",
    "OccasionKind",
    "Occasions",
    "OnReady",
    "Opened",
    "Outcome",
    "Owned",
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
    "Schedule",
    "Schedules",
    "Sources",
    "Tell",
    "Told",
    "Used",
    "as_of_date",
    "asked_of",
    "build_once",
    "built_line",
    "commit_of",
    "compose_jobs",
    "current_build",
    "decode_event",
    "encode_event",
    "end_of",
    "event_lines",
    "failed_line",
    "forget_builds",
    "in_processes",
    "kept_images",
    "leave_all",
    "owned",
    "rename_builds",
    "service_of",
    "spec_name",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
