"""“As of”: the moment after which packages do not count, checked before any work begins. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hubkiln.errors import BadSpec

FIRST = date(2003, 1, 1)
"""The year in which the Python Package Index began."""

AHEAD = timedelta(hours=14)
"""How far the clocks of the easternmost time zone are before UTC: today there may be tomorrow here."""

_HINT = "Write today, commit, or a date such as 2024-05-31."


def as_of_date(text: str, now: datetime) -> date | None:
    """
    The day that `text` names, at the moment `now`; None for ``today`` and ``commit``.

    Raises:
        BadSpec: it is no date, or one of which nothing can be known.
    """
    if text in ("", "today", "commit"):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadSpec(f"{text[:40]!r} is not a date.", hint=_HINT) from None
    if day > (now.astimezone(UTC) + AHEAD).date():
        raise BadSpec(
            f"{day} is still to come: nobody knows which packages there will be.", hint="Give today, or a day before."
        )
    if day < FIRST:
        raise BadSpec(f"There was no package index on {day}: it began in {FIRST.year}.", hint="Give a later day.")
    return day


def end_of(day: date) -> datetime:
    """The last moment of `day`, in UTC."""
    return datetime.combine(day, time.max, UTC)
