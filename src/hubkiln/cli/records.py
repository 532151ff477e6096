"""The service's database, for commands of admins: the one that the settings name, or the data folder's."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hubkiln.cli.options import open_data_dir
from hubkiln.database import Database, database_at, database_url, sqlite_url
from hubkiln.errors import NotFound
from hubkiln.settings import Settings

T = TypeVar("T")


def author() -> str:
    """Who we are, for others; the number of a user whom this machine does not know by name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def listed_by(command: str) -> Iterator[None]:
    """
    While something is looked for by an id, which `command` shows.

    Raises:
        NotFound: there is none; the hint says so.
    """
    try:
        yield
    except NotFound as error:
        error.hint = f"`{command}` shows the ids."
        raise


def with_records(data_dir: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` gives for the opened database."""

    async def run() -> T:
        address = Settings.read().database
        url = database_url(address) if address else sqlite_url(open_data_dir(data_dir).database)
        async with database_at(url) as database:
            return await work(database)

    return asyncio.run(run())
