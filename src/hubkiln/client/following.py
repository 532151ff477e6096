"""Reading a stream of events, also over connections that break: pure of any connection.

A stream that ends without its last event was cut; whoever reads on says how far they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hubkiln.client.answers import Event
from hubkiln.errors import Unreachable

TRIES = 8
"""Connections in a row that bring nothing new before a build's stream is given up."""

LONGEST_PAUSE = 10.0


class Following:
    """How far somebody has read the events of a build."""

    def __init__(self) -> None:
        self.ended = False
        self._last, self._number, self._broken = 0, 0, 0

    @property
    def headers(self) -> dict[str, str]:
        """For the next connection."""
        return {"Last-Event-ID": str(self._last)} if self._last else {}

    def line(self, line: str) -> Iterator[Event]:
        """The event that a line of the stream completes, if it does."""
        if line.startswith("id:"):
            self._number = int(line.removeprefix("id:"))
        elif line.startswith("data:"):
            data: dict[str, Any] = json.loads(line.removeprefix("data:"))
            kind = str(data.pop("type", ""))
            self._last, self._broken = max(self._last, self._number), 0
            self.ended = kind == "end"
            yield Event(kind=kind, data=data, seq=self._number or None)

    def broke(self) -> float:
        """
        The stream ended too early, or there was none: how long to wait before the next connection.

        Raises:
            Unreachable: often enough.
        """
        self._broken += 1
        if self._broken > TRIES:
            raise Unreachable("The build service does not answer any more.", hint="The build goes on; look later.")
        return min(LONGEST_PAUSE, 0.25 * 2.0 ** (self._broken - 1))


def event_in(line: str) -> dict[str, Any] | None:
    """The event of a line of BinderHub's stream, if it has one."""
    if not line.startswith("data:"):
        return None
    found: dict[str, Any] = json.loads(line.removeprefix("data:"))
    return found
