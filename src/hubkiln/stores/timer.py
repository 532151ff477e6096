"""Collecting now and then beside a service: in a process of its own, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkiln.later import lasting
from hubkiln.processes import Finished, last_line, own_module, run
from hubkiln.setting_values import variables_of
from hubkiln.stores.interface import CollectSettings

log = logging.getLogger(__name__)

FIRST_SECONDS = 300.0
"""After the start of a service: whoever waits for the hub comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Collects in the data folder `root`, every so often as `settings` say."""

    root: Path
    settings: CollectSettings
    database: str = ""
    """Where the service keeps its records, if not in the data folder."""
    first_seconds: float = FIRST_SECONDS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Meanwhile it runs; a collection that is under way at the end is ended, which does no harm."""
        task = asyncio.create_task(lasting("collect", self._forever), name="collect")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def collect(self) -> dict[str, Any] | None:
        """Collect once; what ``hubkiln gc --json`` said, None if it failed, which the log then tells."""
        return await self._told()

    async def look(self) -> dict[str, Any] | None:
        """What would go now, as :meth:`collect`."""
        return await self._told("--dry-run")

    async def _forever(self) -> None:
        if self.settings.every_seconds is None:
            return
        await asyncio.sleep(min(self.first_seconds, self.settings.every_seconds))
        while True:
            await self.collect()
            await asyncio.sleep(self.settings.every_seconds)

    async def _told(self, *options: str) -> dict[str, Any] | None:
        argv, env = own_module("hubkiln", "gc", "--json", "--data-dir", str(self.root), *options)
        chosen = {"gc_keep": self.settings.keep_seconds, "gc_keep_bytes": self.settings.keep_bytes}
        env |= variables_of({**chosen, "gc_pins": self.settings.pins, "database": self.database})
        said: list[str] = []  # all of it: it names every thing
        done = await run(argv, env=env, say=said.append)
        return self._read(done, "".join(said))

    def _read(self, done: Finished, said: str) -> dict[str, Any] | None:
        try:
            told: dict[str, Any] = json.loads(said.strip().rpartition("\n")[2])
            found = {"kept": len(told["kept"]), "gone": len(told["gone"]), "gone_bytes": told["gone_bytes"]}
        except (ValueError, LookupError, TypeError):
            log.warning(
                "storage not collected", extra={"action": "gc_failed", "said": last_line(done.output, "nothing")}
            )
            return None
        action = "gc_look" if told["dry_run"] else "gc"
        log.info("storage looked at" if told["dry_run"] else "storage collected", extra={"action": action, **found})
        return told
