"""The service's log as lines of JSON."""

from __future__ import annotations

import json
import logging
import sys

from hubkiln.cli.service_log import JsonLines


def test_a_record_is_one_line_with_its_values() -> None:
    """Also with line ends and an error in it."""
    try:
        raise ValueError("odd\nthing")
    except ValueError:
        record = logging.getLogger("hubkiln.x").makeRecord(
            "hubkiln.x",
            logging.INFO,
            "f",
            1,
            "%s\nended",
            ("it",),
            sys.exc_info(),
            extra={"action": "end", "build": "5c"},
        )
    line = JsonLines().format(record)
    told = json.loads(line)
    assert "\n" not in line and "Traceback" in told.pop("traceback")
    assert told.pop("at").endswith("+00:00")
    expected = {"level": "info", "logger": "hubkiln.x", "message": "it\nended", "action": "end", "build": "5c"}
    assert told == expected
