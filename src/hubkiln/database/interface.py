"""What may be known of the database without loading what it stands on.

A book that keeps a value under a key needs single statements and no more, so that it works on the service's database
(:mod:`hubkiln.database.engine`) and, without SQLAlchemy, on a data folder's file (:mod:`hubkiln.database.local`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from hubkiln.errors import DiskFull, HubkilnError, ServiceError
from hubkiln.folders import writable

REVISION = "0012"
"""The newest migration: a database that has had it needs none."""

BUSY_MILLISECONDS = 20_000
"""How long a SQLite writer waits for another; a transaction of ours takes milliseconds."""


PATIENCE_SECONDS = 30.0
"""How long a build's single statements outlast a database that is away, because it is renewed or has moved."""

AGAIN_SECONDS = 0.5

T = TypeVar("T")


class Statements(Protocol):
    """Runs one statement at a time, each a transaction; ``:name`` stands for a value. SQLite's and PostgreSQL's SQL."""

    async def value(self, sql: str, **values: str | datetime) -> Any:
        """
        What the first row of a query starts with; None without a row.

        Raises:
            ServiceError: the database does not work at the moment.
        """

    async def change(self, sql: str, **values: str | datetime) -> None:
        """
        Insert, update or delete.

        Raises:
            ServiceError: the database does not work at the moment. DiskFull.
        """


async def patiently(call: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
    """
    What `call` gives, tried again while the database is away, for so many `seconds`.

    Raises:
        ServiceError: it is away for longer. DiskFull, at once.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except DiskFull:
            raise
        except ServiceError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(AGAIN_SECONDS)


_REFUSED = ("disk i/o error", "readonly database", "unable to open database file")
"""SQLite's words where the system lets it not write."""


def trouble(said: object) -> HubkilnError:
    """The error of ours for what a database says."""
    words = str(said).lower()
    if "disk is full" in words or "no space left" in words:
        return DiskFull(
            "There is no space left on the disk that holds the build records.",
            hint="Ask the admin to make room, then try again.",
        )
    if any(kind in words for kind in _REFUSED):
        return ServiceError(
            "The file of the build records, or its disk, takes no writes.",
            hint="Ask the admin, to whom `hubkiln doctor` says why; what runs goes on, and nothing is lost.",
        )
    return ServiceError("The build records cannot be read or written at the moment.", hint="Try again in a minute.")


def check_writable(path: Path) -> None:
    """
    See that SQLite can write the file `path`, made where it is missing; nobody else may read it.

    A file that is there is not opened: closing it would let go of the locks that SQLite holds on it elsewhere in this
    process, and another process would then take the log of writes away from under us (sqlite.org/howtocorrupt.html,
    2.2).

    Raises:
        ServiceError: it cannot.
    """
    try:
        if not path.is_file():
            path.touch(0o600, exist_ok=False)
        elif why := writable(path) or writable(path.parent):  # SQLite's other files are made beside it
            raise PermissionError(errno.EACCES, why)
        elif (found := path.stat()).st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(0o600)  # SQLite's other files are made as open as this one
    except OSError as error:
        if path.is_file() and isinstance(error, FileExistsError):
            return  # somebody was quicker
        raise ServiceError(
            f"The build records cannot be kept in {path}: {error.strerror}.",
            hint="Make its folder one that we may write to, or give another.",
        ) from error
