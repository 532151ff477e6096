"""Providers of records: each host says which files there are (its own file here does), fetching them is the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from hubkiln.beneath import Beneath, LeadsAway
from hubkiln.errors import AccessDenied, RefNotFound
from hubkiln.repositories import urls
from hubkiln.repositories.bounds import Allowance, counted, shown
from hubkiln.repositories.download import Download
from hubkiln.repositories.filling import filling
from hubkiln.repositories.interface import Refs, RepositorySettings
from hubkiln.repositories.record import File, Record
from hubkiln.repositories.tokens import host_of
from hubkiln.repositories.unpack import BadArchive, is_archive, path_of
from hubkiln.repositories.unpacker import unpack_apart
from hubkiln.values import Checkout, Revision, Say, Spec

Find = Callable[[Spec], Awaitable[Record]]
"""Asks the host which record a spec means now."""


class Records:
    """The records of one source."""

    def __init__(self, name: str, find: Find, downloads: Download, settings: RepositorySettings) -> None:
        self.name = name
        self._find, self._downloads, self._settings = find, downloads, settings

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`; the revision's spec names the very version."""
        record = await self._find(spec)
        return Revision(
            spec=replace(spec, repository=record.repository),
            commit=record.key,
            url=record.url,
            name=urls.short_name(record.name),
        )

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        started, allowance = time.monotonic(), Allowance(self._settings)
        say(f"Fetching {revision.url}\n")
        async with filling(into, revision.url, self._settings.seconds):
            record = await self._find(revision.spec)
            if record.key != revision.commit:
                raise RefNotFound(f"{revision.url} was changed in the meantime.", hint="Build it again.")
            if not record.files:
                raise AccessDenied(f"{revision.url} has no files that everybody may read.", hint="Ask its owner.")
            if record.ready is not None:
                await record.ready(record, say)
            await self._fill(record, into, allowance, say)
        seconds = time.monotonic() - started
        say(f"Fetched {counted(allowance.files_used)}, {shown(allowance.bytes_used)}, in {seconds:.1f} s\n")
        return Checkout(revision=revision, path=into)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`; there are none."""
        return Refs()

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; there are none."""
        return ""

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; there is none."""
        return ""

    async def _fill(self, record: Record, into: Path, allowance: Allowance, say: Say) -> None:
        scratch = self._settings.scratch or into.parent
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch, prefix="record-") as folder:
            if len(record.files) == 1:
                await self._only(record, Path(folder, "file"), into, allowance, say)
                return
            for file in record.files:
                fetched = Path(folder, "file")
                await self._one(record, file, fetched, allowance, say)
                await asyncio.to_thread(place, fetched, file.path, into)

    async def _only(self, record: Record, fetched: Path, into: Path, allowance: Allowance, say: Say) -> None:
        """A single file that is an archive stands for what is in it."""
        file = record.files[0]
        await self._one(record, file, fetched, allowance, say)
        with fetched.open("rb") as opened:
            packed = is_archive(opened)
        if packed:
            allowance.bytes_used, allowance.files_used = 0, 0  # what is in it counts, not what it came in
            say("Unpacking it\n")
            await unpack_apart(fetched, into, allowance, say)
        elif record.unpacks:
            raise BadArchive("it is neither a zip nor a tar archive")
        else:
            await asyncio.to_thread(place, fetched, file.path, into)

    async def _one(self, record: Record, file: File, fetched: Path, allowance: Allowance, say: Say) -> None:
        """A token of whoever asks is for what the record's host has of it: its maker may name what is not theirs."""
        own = not file.typed and host_of(file.url) == host_of(record.url)
        say(f"Fetching {ascii(file.path)[1:-1]}" + (f" ({shown(file.size)})\n" if file.size is not None else "\n"))
        allowance.take(files=1, size_bytes=file.size or 0)
        left = allowance.settings.max_bytes - allowance.bytes_used + (file.size or 0)
        await self._downloads.file(file, fetched, left, own=own)
        allowance.take(size_bytes=fetched.stat().st_size - (file.size or 0))


def place(fetched: Path, name: str, into: Path) -> None:
    """
    Move the file `fetched` to where a host says it belongs in the folder `into`.

    Raises:
        BadArchive: no path below it, or one that is taken.
    """
    path = path_of(name)
    parent, _, last = path.rpartition("/")
    if not last or ".git" in path.lower().split("/"):
        raise BadArchive(f"a file in it cannot be called {ascii(name)[1:-1][:80]}")
    try:
        with (
            Beneath(into) as top,
            top.folder(parent, make=True) as folder,
            fetched.open("rb") as source,
            os.fdopen(folder.create(last), "wb") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
            os.fchmod(target.fileno(), 0o644)
    except (FileExistsError, LeadsAway) as error:
        raise BadArchive(f"two files in it are called {ascii(name)[1:-1][:80]}") from error
    fetched.unlink()
