"""What Prometheus is told, under BinderHub's names where dashboards know them; no label grows without bound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hubkiln.builds import Builder, BuildRequest, Built, Tell
from hubkiln.errors import HubkilnError, UserError

BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 3600)
"""Seconds: from a build whose environment was there to one that compiles for an hour."""

PROVIDERS = frozenset(
    ("gh", "gl", "gist", "git", "inline", "local", "zenodo", "figshare", "dataverse", "hydroshare", "ckan", "swh")
)


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        ends = ["status", "provider"]
        self._builds = Counter("binderhub_build_count", "Builds that ended.", ends, registry=own)
        self._build_time = Histogram(
            "binderhub_build_time_seconds", "Time of builds.", ["status"], buckets=BUCKETS, registry=own
        )
        self._building = Gauge("binderhub_inprogress_builds", "Builds that run.", registry=own)
        self._launches = Counter("binderhub_launch_count", "Launches that ended.", ends, registry=own)
        self._launch_time = Histogram(
            "binderhub_launch_time_seconds", "Time of launches.", ["status", "retries"], buckets=BUCKETS, registry=own
        )
        self._launching = Gauge("binderhub_inprogress_launches", "Launches that run.", registry=own)
        self.streams = Gauge("hubkiln_streams", "Streams of BinderHub's clients that are open.", registry=own)
        self.standing = Counter(
            "hubkiln_standing", "Requests answered with what their users have already, unrecorded.", registry=own
        )
        self.refused = Counter("hubkiln_refused", "Requests for builds that were refused.", ["status"], registry=own)

    @property
    def building(self) -> int:
        """Builds that run in this process."""
        return int(self.registry.get_sample_value("binderhub_inprogress_builds") or 0)

    @property
    def launching(self) -> int:
        """Launches that run in this process."""
        return int(self.registry.get_sample_value("binderhub_inprogress_launches") or 0)

    @contextmanager
    def build(self, provider: str) -> Iterator[None]:
        """Around one build."""
        began, status = time.monotonic(), "success"
        self._building.inc()
        try:
            yield
        except BaseException as error:
            status = _status(error)
            raise
        finally:
            self._building.dec()
            self._builds.labels(status, _known(provider)).inc()
            self._build_time.labels(status).observe(time.monotonic() - began)

    @contextmanager
    def launch(self, provider: str) -> Iterator[list[None]]:
        """Around one launch; what is yielded gets an item for every attempt after the first."""
        began, status = time.monotonic(), "success"
        retries: list[None] = []
        self._launching.inc()
        try:
            yield retries
        except BaseException as error:
            status = _status(error)
            raise
        finally:
            self._launching.dec()
            self._launches.labels(status, _known(provider)).inc()
            self._launch_time.labels(status, str(len(retries))).observe(time.monotonic() - began)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)


class Measured:
    """Counts and times the builds of `inner`."""

    def __init__(self, inner: Builder, metrics: Metrics) -> None:
        self._inner, self._metrics = inner, metrics

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        with self._metrics.build(request.spec.provider):
            return await self._inner.build(request, tell)


def _status(error: BaseException) -> str:
    """``failure`` is the repository's or user's, ``error`` ours, ``cancelled`` nobody's."""
    if isinstance(error, UserError):
        return "failure"
    return "error" if isinstance(error, HubkilnError | Exception) else "cancelled"


def _known(provider: str) -> str:
    return provider if provider in PROVIDERS else "other"
