"""What a relay is told, as JSON over a socket of its own; descriptors come with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

READY = b"ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A port of the sandbox's own loopback that leads to an address of ours."""

    port: int
    host: str
    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Everything that a relay needs to know but the sandbox's process."""

    port: int | None
    """Where the server listens in the sandbox's own network; None if it listens at a Unix socket."""

    file: str | None
    """Name of that Unix socket; its folder is a descriptor."""

    allowed: tuple[int, ...]
    """uids that may connect."""

    ways: tuple[Way, ...]
    drop: tuple[int, int] | None
    """``(uid, gid)`` to become once everything is open; None stays who we are."""

    def write(self) -> bytes:
        """As one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes) -> Orders:
        """What :meth:`write` wrote."""
        told: Mapping[str, Any] = json.loads(text)
        drop = None if told["drop"] is None else (int(told["drop"][0]), int(told["drop"][1]))
        return cls(
            port=told["port"],
            file=told["file"],
            allowed=tuple(told["allowed"]),
            ways=tuple(Way(**way) for way in told["ways"]),
            drop=drop,
        )
