"""A repository that lies in a folder we did not make, as one of ours, for as long as git is to read it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from hubkiln.git_snapshot import snapshot
from hubkiln.repositories.interface import RepositorySettings


@asynccontextmanager
async def taken(folder: Path, settings: RepositorySettings, *, elsewhere: bool) -> AsyncIterator[Path | None]:
    """
    A bare repository with the refs and objects of the one in `folder`; None where there is none.

    Raises:
        Refused, TooLarge, OSError: see :func:`hubkiln.git_snapshot.snapshot`.
    """
    if settings.scratch is not None:
        settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.scratch, prefix="folder-") as scratch:
        made = Path(scratch) / "taken.git"
        take = partial(snapshot, folder, made, most_bytes=settings.max_bytes, elsewhere=elsewhere)
        yield made if await asyncio.to_thread(take) else None
