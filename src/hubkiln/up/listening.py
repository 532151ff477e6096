"""Who listens at the ports of a hub's parts: they are found free first, and somebody else may be quicker."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from hubkiln.errors import Conflict

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = "0A"


def check_ours(ports: Iterable[int], tables: Iterable[Path] = _TABLES) -> None:
    """
    See that nobody but us, or root, listens at one of `ports` of this machine.

    Raises:
        Conflict: somebody does, and hears what is meant for a part of the hub.
    """
    wanted, ours = set(ports), {0, os.geteuid()}
    for port, uid in _listeners(tables):
        if port in wanted and uid not in ours:
            raise Conflict(
                f"A program of another account (uid {uid}) listens at port {port}, which was meant for a part of the "
                "hub; so the hub is stopped. What it was told is of no use any more.",
                hint="Start it again; an admin should ask whose program that is.",
            )


def _listeners(tables: Iterable[Path]) -> Iterator[tuple[int, int]]:
    """Ports with the uids of those who listen there."""
    for table in tables:
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTEN:
                    yield int(words[1].rpartition(":")[2], 16), int(words[7])
