"""“As of”: days of which something can be known, and no others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from hubkiln.builds import as_of_date
from hubkiln.errors import BadSpec

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [("today", None), ("commit", None), ("2024-05-31", date(2024, 5, 31)), ("2026-11-29", date(2026, 11, 29))],
)
def test_days_that_were_are_taken(text: str, day: date | None) -> None:
    """And the two words."""
    assert as_of_date(text, NOW) == day


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2099-01-01", "still to come"),
        ("2026-12-01", "still to come"),
        ("1999-12-31", "no package index on 1999-12-31"),
        ("2024-02-30", "is not a date"),
        ("last week", "is not a date"),
        ("31.5.2024", "is not a date"),
    ],
)
def test_days_of_which_nothing_is_known_are_refused(text: str, says: str) -> None:
    """Each with what is wrong with it, and what to write."""
    with pytest.raises(BadSpec, match=says) as caught:
        as_of_date(text, NOW)
    assert caught.value.hint


def test_today_is_today_wherever_one_is() -> None:
    """In Kiribati it is tomorrow already; a machine whose clock has a zone says the same."""
    evening = NOW.replace(hour=23)
    assert as_of_date("2026-11-30", evening) == date(2026, 11, 30)
    assert as_of_date("2026-11-30", evening.astimezone(timezone(timedelta(hours=-8)))) == date(2026, 11, 30)
