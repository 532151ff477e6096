"""How much users may have: values, looked up by :mod:`hubkiln.builds.limits` and held by the queue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """None is no limit. What is over a limit of those at once waits; what is over one of a day is refused."""

    user_at_once: int | None = None
    """Builds of one user that are under way."""

    group_at_once: int | None = None
    """Of the users of one of the hub's groups together."""

    repository_at_once: int | None = None
    """Of one repository, at whatever commits."""

    provider_at_once: int | None = None
    """Of one provider: a host that slows down whoever asks too much."""

    total_at_once: int | None = None
    """Of all processes of the service together."""

    user_daily: int | None = None
    """Builds that one user may ask for in 24 hours; what is ready at once, or joined, does not count."""

    user_seconds_daily: float | None = None
    """Time that one user's builds may take in 24 hours, waiting not counted."""

    user_launches_daily: int | None = None
    """Servers that one user may start in environments that were built here, in 24 hours."""

    user_stored_bytes: int | None = None
    """What one user's saved environments may take before they must remove some to have another built."""

    @property
    def of_a_day(self) -> bool:
        """Whether builds are limited by the day."""
        return self.user_daily is not None or self.user_seconds_daily is not None


LIMITS = {
    "user_builds": "user_at_once",
    "group_builds": "group_at_once",
    "repository_builds": "repository_at_once",
    "provider_builds": "provider_at_once",
    "all_builds": "total_at_once",
    "user_builds_daily": "user_daily",
    "user_build_time_daily": "user_seconds_daily",
    "user_launches_daily": "user_launches_daily",
    "user_stored": "user_stored_bytes",
}
"""Settings that are limits, and the fields of :class:`Quotas` that they fill."""

REFUSING = frozenset({"user_builds_daily", "user_build_time_daily", "user_launches_daily", "user_stored"})
"""Those over which one is refused and told why. They can be 0 for a time; of the others builds would only wait."""
