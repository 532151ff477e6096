"""The repository's files, kept once per revision: what is delivered to users and what recipes are read from.

A revision that was fetched before costs nothing. Files are made readable for the sandbox and are never written again.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hubkiln.content.history import reads_history
from hubkiln.data_dir import OwnFolder
from hubkiln.errors import NotFound
from hubkiln.folders import keep_note, no_folder, put, read_note
from hubkiln.keys import short_digest
from hubkiln.removal import remove
from hubkiln.stores import use
from hubkiln.values import FORMAT, Checkout, Revision, Say

Prepare = Callable[[Path], None]
"""Makes a folder readable for the sandbox (ownership, when we run as root)."""


class Fetcher(Protocol):
    """What is asked of :class:`hubkiln.repositories.Repositories`."""

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout: ...

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None: ...

    async def tags(self, revision: Revision) -> str: ...

    async def history(self, revision: Revision, into: Path, say: Say) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A revision's files in the store."""

    key: str
    path: Path
    root: Path
    """The folder that counts as the repository's root: `path`, or a folder in it when the spec has a ``subdir``."""

    history: str = ""
    """Key of the same files with their history, where a version is made of that; empty elsewhere."""

    @property
    def for_builds(self) -> Content:
        """What builds and steps see; users get what they always get."""
        if not self.history:
            return self
        path = self.path.with_name(self.history)
        return Content(key=self.history, path=path, root=path / self.root.relative_to(self.path))


def content_key(revision: Revision) -> str:
    """Covers where the files came from and which commit they are, and of a private repository whose they are."""
    named = [FORMAT, revision.spec.provider, revision.url or revision.spec.repository, revision.commit]
    return short_digest([*named, *filter(None, [revision.spec.reader])])


class Contents:
    """The folder ``content``."""

    def __init__(self, own: OwnFolder, fetcher: Fetcher, prepare: Prepare) -> None:
        self._own, self._fetcher, self._prepare = own, fetcher, prepare

    def here(self, revision: Revision) -> bool:
        """Whether the files of `revision` need not be fetched."""
        return (self._own.path / content_key(revision)).exists()

    async def ensure(self, revision: Revision, say: Say) -> Content:
        """
        The files of `revision`, fetched if they are not here.

        Raises:
            as :meth:`hubkiln.repositories.interface.Provider.fetch`; NotFound: no such ``subdir``.
        """
        key = content_key(revision)
        path = self._own.path / key
        use(self._own.root, path)
        if path.exists():
            say(f"The files of {revision.commit[:12]} are already here.\n")
        else:
            await self._fetch(revision, path, say)
        return Content(key=key, path=path, root=_below(path, revision.spec.subdir))

    async def dated(self, revision: Revision, content: Content) -> Revision:
        """`revision` with the moment of its commit, which a remote does not tell before its files are here."""
        return replace(revision, committed_at=await self._fetcher.committed_at(revision, content.path))

    async def with_history(self, revision: Revision, content: Content, files: Iterable[str], say: Say) -> Content:
        """
        `content`, with the history of `revision` for builds if one of `files`, below its root, makes a version of it.

        The same commit has the same history whatever was fetched before: which tags there are is asked each time.

        Raises:
            as :meth:`ensure`.
        """
        if not await asyncio.to_thread(reads_history, content.root, files):
            return content
        note = self._own.path / f"{content.key}.{short_digest(await self._fetcher.tags(revision))}.history"
        key = str((read_note(note) or {}).get("key", ""))
        if key:
            use(self._own.root, self._own.path / key)
        if not key or not (self._own.path / key).is_dir():
            key = await self._bring_history(revision, content, say)
            keep_note(note, {"key": key})
        return replace(content, history=key)

    async def _bring_history(self, revision: Revision, content: Content, say: Say) -> str:
        new = self._own.work / f"content-{uuid.uuid4().hex}"
        try:
            await asyncio.to_thread(_twin, content.path, new)
            digest = await self._fetcher.history(revision, new, say)
            await asyncio.to_thread(self._prepare, new)
            key = short_digest([content.key, "history", digest])
            os.utime(new)
            put(new, self._own.path / key)
            return key
        finally:
            await asyncio.shield(asyncio.to_thread(remove, new))

    async def _fetch(self, revision: Revision, path: Path, say: Say) -> None:
        new = self._own.work / f"content-{uuid.uuid4().hex}"
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


def _twin(folder: Path, new: Path) -> None:
    """The same files at the new folder `new`, by links where the file system can; with a ``.git`` of its own."""

    def leave_git(parent: str, names: list[str]) -> list[str]:
        return [".git"] if Path(parent) == folder and ".git" in names else []

    shutil.copytree(folder, new, symlinks=True, ignore=leave_git, copy_function=_link)
    if (folder / ".git").is_dir() and not (folder / ".git").is_symlink():
        shutil.copytree(folder / ".git", new / ".git", symlinks=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK):
            raise
        shutil.copy2(source, target, follow_symlinks=False)


def _below(path: Path, subdir: str) -> Path:
    root = Path(os.path.normpath(path / subdir))
    inside = root.resolve().is_relative_to(path.resolve())
    if not inside or not root.is_dir():
        said, hint = no_folder(path, subdir)
        raise NotFound(said, hint=hint)
    return root
