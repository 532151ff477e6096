"""Reads event streams as clients do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Streamed:
    """A whole stream."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    comments: int = 0


def read(text: str) -> Streamed:
    """Parses strictly: every block is one comment, or an id and one line of data."""
    streamed = Streamed()
    for block in text.split("\n\n"):
        for line in block.split("\n"):
            if line.startswith(":"):
                streamed.comments += 1
            elif line.startswith("id: "):
                streamed.ids.append(int(line.rpartition(":")[2]))
            elif line:
                assert line.startswith("data: "), line
                streamed.events.append(json.loads(line[6:]))
    return streamed
