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
class Outside:
    """A program that connects a network of a room's own with the world."""

    argv: tuple[str, ...]
    """In it ``{network}``, ``{owner}``, ``{listener}`` and ``{exit}`` become descriptors: of the network, of its user
    namespace, of what is served at `port`, and of one that is at its end when the program is to end too."""

    env: tuple[tuple[str, str], ...] = ()
    port: int | None = None
    """Where inside it serves; None where it makes a device."""

    device: str | None = None
    gateway: str | None = None
    closed: tuple[str, ...] = ()
    """Networks that are not reached through the device."""

    opened: tuple[str, ...] = ()
    """Smaller ones in them that are."""


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
    outside: Outside | None
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
            outside=None if told["outside"] is None else _outside(told["outside"]),
            drop=drop,
        )


def _outside(told: Mapping[str, Any]) -> Outside:
    lists = {name: tuple(told[name]) for name in ("argv", "closed", "opened")}
    env = tuple((name, value) for name, value in told["env"])
    return Outside(**lists, env=env, port=told["port"], device=told["device"], gateway=told["gateway"])
