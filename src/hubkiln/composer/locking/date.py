"""Up to which moment packages count, in the words in which people ask for it."""

from __future__ import annotations

from datetime import UTC, datetime

from hubkiln.builds import as_of_date, end_of
from hubkiln.errors import BadSpec
from hubkiln.values import Revision


def moment(as_of: str, revision: Revision) -> datetime | None:
    """
    The moment after which packages do not count; None for now.

    Raises:
        BadSpec: neither ``today``, ``commit`` nor an ISO date, or the commit's date is not known.
    """
    if as_of in ("", "today"):
        return None
    if as_of == "commit":
        if revision.committed_at is None and revision.spec.provider == "local":
            raise BadSpec(
                "A folder as it stands is no commit, so it has no day.",
                hint="Name its branch or commit too (`--ref main`), or give a date such as 2024-05-31.",
            )
        if revision.committed_at is None:
            raise BadSpec("The date of this commit is not known.", hint="Give a date such as 2024-05-31 instead.")
        return revision.committed_at
    day = as_of_date(as_of, datetime.now(UTC))
    return end_of(day) if day is not None else None
