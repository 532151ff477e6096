"""``python -m hubkiln.cli.child PARENT FOLDER``: one build of the service, in a process of its own.

See :mod:`hubkiln.builds.child`. Neither its environment nor its command line has secrets: what was set for the service
comes through the pipe. The data folder is named for whoever looks at the list of processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from gc import set_threshold
from pathlib import Path
from typing import Any

from hubkiln.builds import Builder, Opened, build_once
from hubkiln.cli.options import open_data_dir
from hubkiln.cli.service_log import begin_log
from hubkiln.values import Spec


def prepare(begin: dict[str, Any]) -> Opened:
    """Load what builds need, and choose as the service did."""
    os.environ.update(begin["variables"])
    from hubkiln.assembly import open_workshop
    from hubkiln.settings import Settings

    settings = Settings.read()
    data = open_data_dir(Path(begin["data_dir"]))
    begin_log(settings.service_log)

    @asynccontextmanager
    async def opened(secrets: dict[str, Any]) -> AsyncIterator[Builder]:
        async def tokens(user: str) -> Mapping[str, str]:
            return dict(secrets["tokens"]) if user == secrets["reader"] else {}

        async def lent(spec: Spec) -> Mapping[str, str]:
            return dict(secrets["lent"])  # it builds this one repository

        if not settings.database:
            async with open_workshop(data, settings, None, tokens, lent) as workshop:
                yield workshop.pipeline
            return
        from hubkiln.database import database_url, open_database, patiently

        url = database_url(settings.database)
        database = await patiently(lambda: open_database(url))  # the service has it, so it is away for a moment at most
        try:
            async with open_workshop(data, settings, database, tokens, lent) as workshop:
                yield workshop.pipeline
        finally:
            await database.close()

    return opened


if __name__ == "__main__":
    set_threshold(50_000)  # what is loaded stays
    build_once(int(sys.argv[1]), prepare)
