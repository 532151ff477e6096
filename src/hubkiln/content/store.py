"""The repository's files, kept once per revision: what is delivered to users and what recipes are read from.

A revision that was fetched before costs nothing. Files are made readable for the sandbox and are never written again.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hubkiln.beneath import remove
from hubkiln.data_dir import DataDir
from hubkiln.errors import NotFound
from hubkiln.keys import short_digest
from hubkiln.stores import use
from hubkiln.values import FORMAT, Checkout, Revision, Say

Prepare = Callable[[Path], None]
"""Makes a folder readable for the sandbox (ownership, when we run as root)."""


class Fetcher(Protocol):
    """What is asked of :class:`hubkiln.repositories.Repositories`."""

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout: ...

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A revision's files in the store."""

    key: str
    path: Path
    root: Path
    """The folder that counts as the repository's root: `path`, or a folder in it when the spec has a ``subdir``."""


def content_key(revision: Revision) -> str:
    """Covers where the files came from and which commit they are."""
    named = [FORMAT, revision.spec.provider, revision.url or revision.spec.repository, revision.commit]
    return short_digest(named)


class Contents:
    """The folder ``content``."""

    def __init__(self, data: DataDir, fetcher: Fetcher, prepare: Prepare) -> None:
        self._data, self._fetcher, self._prepare = data, fetcher, prepare

    async def ensure(self, revision: Revision, say: Say) -> Content:
        """
        The files of `revision`, fetched if they are not here.

        Raises:
            as :meth:`hubkiln.repositories.interface.Provider.fetch`; NotFound: no such ``subdir``.
        """
        key = content_key(revision)
        path = self._data.content / key
        use(self._data.root, path)
        if path.exists():
            say(f"The files of {revision.commit[:12]} are already here.\n")
        else:
            await self._fetch(revision, path, say)
        return Content(key=key, path=path, root=_below(path, revision.spec.subdir))

    async def dated(self, revision: Revision, content: Content) -> Revision:
        """`revision` with the moment of its commit, which a remote does not tell before its files are here."""
        return replace(revision, committed_at=await self._fetcher.committed_at(revision, content.path))

    async def _fetch(self, revision: Revision, path: Path, say: Say) -> None:
        new = self._data.work / f"content-{uuid.uuid4().hex}"
        try:
            await self._fetcher.fetch(revision, new, say)
            await asyncio.to_thread(self._prepare, new)
            os.utime(new)  # it is new here, whatever its folder says
            try:
                new.rename(path)
            except OSError:
                if not path.exists():  # somebody else's fetch of the same revision may have come first
                    raise
        finally:
            await asyncio.shield(asyncio.to_thread(remove, new))


def _below(path: Path, subdir: str) -> Path:
    root = Path(os.path.normpath(path / subdir))
    inside = root.resolve().is_relative_to(path.resolve())
    if not inside or not root.is_dir():
        raise NotFound(
            f"The repository has no folder {subdir!r}.", hint="Check the subfolder's name, capitals included."
        )
    return root
