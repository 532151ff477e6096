"""What the service writes to its standard error: a sentence for people, or a line of JSON for what collects logs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from hubkiln.cli.plain_lines import escaped

USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest is what we said of it."""


class JsonLines(logging.Formatter):
    """One line of JSON for each record, with its values under their own names."""

    def format(self, record: logging.LogRecord) -> str:
        """As JSON."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in USUAL and name not in said}
        if trace := _trace_id():
            said["trace_id"] = trace
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class PlainLines(logging.Formatter):
    """A line for each record, and below it a traceback; what strangers wrote begins no line and moves no cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line; with the error that it is about, if there is one."""
        error = vars(record).get("error")
        return escaped(super().formatMessage(record) + (f": {error}" if error else ""))

    def formatException(self, ei: Any) -> str:
        """The traceback."""
        return "\n".join(map(escaped, super().formatException(ei).split("\n")))


def _trace_id() -> str:
    """The number of the trace that is under way; empty where nobody traces, and then nothing is loaded to ask."""
    if (telemetry := sys.modules.get("opentelemetry.trace")) is None:
        return ""
    context = telemetry.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def begin_log(how: str) -> None:
    """Write to standard error from now on: ``warnings`` alone, or everything as ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if how == "json" else PlainLines("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if how != "warnings":
        logging.getLogger("hubkiln").setLevel(logging.INFO)
