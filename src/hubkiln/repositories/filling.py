"""The folder that a fetch fills: there only as long as it succeeds, and not for ever."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hubkiln.errors import DiskFull, TooLarge
from hubkiln.removal import remove


@asynccontextmanager
async def filling(into: Path, what: str, seconds: float) -> AsyncIterator[None]:
    """
    The folder `into` while it is being filled: made when absent, gone after a failure.

    Raises:
        TooLarge: it took longer than `seconds`. DiskFull.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        async with asyncio.timeout(seconds):
            yield
    except BaseException as error:
        await asyncio.shield(asyncio.to_thread(remove, into))
        if isinstance(error, TimeoutError):
            raise TooLarge(
                f"Fetching {what} took longer than the {seconds:.0f} s allowed.",
                hint="Ask an admin to raise the limit.",
            ) from error
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"There is no space left for the files of {what}.", hint="An admin has to free some."
            ) from error
        raise
