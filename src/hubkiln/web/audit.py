"""Who changed what, and what was launched: events by published schemas, a line of JSON each, in a file of the admin's.

The schemas are in ``event_schemas``; ``jupyter_events``, which JupyterHub brings, checks each event by them. Without a
file nothing is loaded and nothing is kept.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from hubkiln.values import utc_now

SCHEMAS = Path(__file__).parent / "event_schemas"
LAUNCH, CHANGE = "https://binderhub.jupyter.org/launch", "urn:hubkiln:change"


class Audit(Protocol):
    """Takes note of events."""

    def note(self, schema: str, event: dict[str, object]) -> None:
        """An event of one of the schemas."""


class NoAudit:
    """Nobody wants to know."""

    def note(self, schema: str, event: dict[str, object]) -> None:
        """See :class:`Audit`."""


class FileAudit:
    """Appends to a file, which others may move away: it is opened again where it is gone."""

    def __init__(self, path: Path) -> None:
        from logging.handlers import WatchedFileHandler

        from jupyter_events import EventLogger  # slow, and seldom wanted

        path.parent.mkdir(parents=True, exist_ok=True)
        self._events = EventLogger(handlers=[WatchedFileHandler(path, encoding="utf-8")])
        for schema in (SCHEMAS / "launch.yaml", SCHEMAS / "change.yaml"):
            self._events.register_event_schema(schema)

    def note(self, schema: str, event: dict[str, object]) -> None:
        """See :class:`Audit`; the library writes a Z behind the time, and would do so behind an offset, too."""
        try:
            self._events.emit(schema_id=schema, data=event, timestamp_override=utc_now().replace(tzinfo=None))
        except OSError:
            logging.getLogger(__name__).exception("audit event lost", extra={"action": "audit_lost"})


def audit_to(path: str) -> Audit:
    """The audit of an admin's setting; empty for none."""
    return FileAudit(Path(path)) if path else NoAudit()
