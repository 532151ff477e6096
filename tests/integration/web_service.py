"""Run as a program: the real service in a process of its own, over a scripted builder, as JupyterHub would start it.

``web_service.py DATABASE SCRIPT [held]``, where SCRIPT is a JSON list of event documents, or ``-`` for the usual one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from hubkiln.builds.codec import decode
from hubkiln.builds.interface import BuildSettings
from hubkiln.database.engine import open_database
from hubkiln.testing.builds import SCRIPT, FakeBuilder
from hubkiln.testing.service import ENGINE, parse, parse_provider
from hubkiln.web.listening import HubEnvironment
from hubkiln.web.serve import serve
from hubkiln.web.settings import WebSettings


async def main(url: str, script: str, *more: str) -> None:
    """Serve until told to stop."""
    events = SCRIPT if script == "-" else [decode(e["type"], e) for e in json.loads(Path(script).read_text())]
    database = await open_database(url)
    try:
        await serve(
            FakeBuilder(events, held="held" in more),
            database,
            HubEnvironment.read(),
            engine=lambda: ENGINE,
            parse=parse,
            parse_provider=parse_provider,
            builds=BuildSettings(beat_seconds=0.2, poll_seconds=0.1),
            web=WebSettings(keepalive_seconds=1, hold_seconds=30),
        )
    finally:
        await database.close()


asyncio.run(main(*sys.argv[1:]))
