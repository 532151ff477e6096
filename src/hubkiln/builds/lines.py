"""A build told to another program: a line of JSON for each event, and one for its end.

The lines are those of the build service's stream of events, so what reads one reads the other. ``hubkiln build
--events`` writes them for whoever asks; a build's own process (:mod:`hubkiln.builds.child`) writes them for the
service, which reads them here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hubkiln.builds.codec import decode, decode_built, encode, encode_built
from hubkiln.builds.events import Event, Log
from hubkiln.builds.interface import Built
from hubkiln.errors import HubkilnError, error_told

LONGEST_TEXT = 64 * 1024
"""Characters of log text in one line; longer text is told in several."""

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; nothing that a build tells is nearly as long, so whoever writes a longer one is broken."""


def event_lines(event: Event) -> Iterator[str]:
    """`event`, nearly always as one line."""
    if isinstance(event, Log) and len(event.text) > LONGEST_TEXT:
        for start in range(0, len(event.text), LONGEST_TEXT):
            yield from event_lines(Log(event.text[start : start + LONGEST_TEXT]))
        return
    kind, data = encode(event)
    yield _line({"type": kind, **data})


def built_line(built: Built) -> str:
    """The end of a build that succeeded."""
    return _line({"type": "built", "built": encode_built(built)})


def failed_line(error: HubkilnError) -> str:
    """The end of one that did not, by its error's code."""
    told = {"code": error.code, "message": error.message, "hint": error.hint, "status": error.status}
    return _line({"type": "failed", "error": told})


def read_line(line: bytes) -> Event | Built | HubkilnError:
    """
    What a line tells: something that happened, or the end.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        data = json.loads(line)
        match kind := str(data.pop("type")):
            case "built":
                return decode_built(data["built"])
            case "failed":
                error = data["error"]
                return error_told(str(error["code"]), str(error["message"]), str(error["hint"]), int(error["status"]))
            case _:
                return decode(kind, data)
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a line of a build") from error


def _line(data: dict[str, Any]) -> str:
    return f"{json.dumps(data, separators=(',', ':'))}\n"
