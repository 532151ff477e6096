"""Servers that a killed hub left running: found in its database and ended, so that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hubkiln.data_dir import DataDir
from hubkiln.spawners import engine_of

GRACE = 3.0
"""Seconds a server gets to end by itself."""


async def end_left_servers(data: DataDir) -> int:
    """End every server whose sandbox is still there; returns how many."""
    engine = engine_of(str(data.root))
    left = [engine.attach(state) for state in sandboxes(data.hub / "jupyterhub.sqlite")]
    running = [sandbox for sandbox in left if sandbox.poll() is None]
    await asyncio.gather(*(sandbox.stop(GRACE) for sandbox in running))
    return len(running)


def sandboxes(database: Path) -> list[dict[str, Any]]:
    """What the hub's database knows of sandboxes; empty where there is no readable database."""
    if not database.exists():
        return []
    found = []
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for (text,) in connection.execute("SELECT state FROM spawners WHERE state IS NOT NULL"):
            with suppress(ValueError, TypeError, AttributeError):
                if sandbox := json.loads(text).get("sandbox"):
                    found.append(sandbox)
    return found
