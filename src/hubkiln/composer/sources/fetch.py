"""Fetches source that is to become wheels: archives of the index and at addresses, git repositories, local packages."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.composer.sources.index import Sdist, find_sdist
from hubkiln.composer.sources.interface import (
    SOURCE,
    Direct,
    Source,
    Sources,
    applies,
    ending,
    local_sources,
    package_files,
    read_direct,
    source_filename,
)
from hubkiln.content import Content, Contents
from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed
from hubkiln.packages import SimpleIndex, Wheel, WheelStore
from hubkiln.stores import use
from hubkiln.values import REPO_DIR, Interpreter, Revision, Say, Spec

Hashes = tuple[tuple[str, tuple[str, ...]], ...]
"""(normalised name, sha256 of every file allowed)."""


class Resolver(Protocol):
    """What is asked of :class:`hubkiln.repositories.Repositories`."""

    def make(self, provider: str, repository: str, ref: str, subdir: str = "") -> Spec: ...

    async def resolve(self, spec: Spec) -> Revision: ...

    async def download(self, url: str, into: Path) -> str: ...


class Fetching:
    """Fetches through the same guards as everything else; what has a hash is fetched once."""

    def __init__(
        self, data: DataDir, store: WheelStore, contents: Contents, repositories: Resolver, index: str
    ) -> None:
        self._data, self._store, self._contents, self._repositories = data, store, contents, repositories
        self._index = SimpleIndex(index)

    async def every(
        self,
        sources: Sources,
        python: Interpreter,
        content: Content | None,
        say: Say,
        *,
        as_of: datetime | None = None,
        hashes: Hashes = (),
    ) -> list[Source]:
        """
        All of `sources` that `python` needs, fetched; local ones are where `content` is.

        `hashes` are those that a repository lists for files of the index.

        Raises:
            LockFailed: the index has no such source, or another file.
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable, TooLarge, DiskFull.
        """
        found = [await self._archive(line, python, as_of, hashes) for line in sources.requirements]
        direct = [asked for line in sources.direct if applies((asked := read_direct(line)).marker, python)]
        found += [await self._at_address(asked, hashes, say) for asked in direct]
        return found + (local_sources(sources.local, python, content) if content is not None else [])

    async def _archive(self, line: str, python: Interpreter, as_of: datetime | None, hashes: Hashes) -> Source:
        name = canonicalize_name(Requirement(line).name)
        try:
            found = await find_sdist(self._index, Requirement(line), python, as_of)
        except LockFailed as error:
            if name not in dict(hashes):
                raise
            raise LockFailed(
                f"The index has no file of {name} for Python {python.minor} whose hash the repository lists.",
                hint="Make the repository's lock or its hashes again; they may be for another Python or platform.",
            ) from error
        allowed = dict(hashes).get(found.name)
        if allowed is not None and found.sha256 not in allowed:
            raise LockFailed(
                f"The index's {found.filename} is not a file whose hash the repository lists.",
                hint="Make the repository's lock or its hashes again.",
            )
        title = f"{found.name} {found.version}"
        if found.sha256 is None:
            exact = f"{found.name}=={found.version}"
            return Source(title=title, identity=("index", exact), argument=exact, name=found.name)
        path = await self._fetched(found, found.sha256)
        return Source(
            title=title,
            identity=("sdist", found.sha256),
            argument=f"{SOURCE}/{found.filename}",
            name=found.name,
            file=path,
        )

    async def _fetched(self, sdist: Sdist, sha256: str) -> Path:
        """The archive, checked; the wheel store's downloads take any file that has a hash."""
        file = Wheel(name=sdist.name, version=sdist.version, filename=sdist.filename, url=sdist.url, sha256=sha256)
        return (await self._store.downloads.ensure([file]))[file]

    async def _at_address(self, asked: Direct, hashes: Hashes, say: Say) -> Source:
        """The source of a direct reference: a git repository at its commit, or an archive as it is now; fetched."""
        if asked.ref is None:
            return await self._download(asked, hashes, say)
        spec = self._repositories.make("git", asked.url, asked.ref)
        revision = await self._repositories.resolve(spec)
        content = await self._contents.ensure(revision, say)
        files = package_files([asked.subdirectory])
        content = await self._contents.with_history(revision, content, files, say)
        history = (content.history,) if content.history else ()
        return Source(
            title=f"{asked.name or revision.name} from {revision.url} at {revision.commit[:12]}",
            identity=("git", revision.url, revision.commit, asked.subdirectory, *history),
            argument=f"/{REPO_DIR}/{asked.subdirectory}".rstrip("/"),
            extras=asked.extras,
            name=asked.name,
            content=content.for_builds.key,
        )

    async def _download(self, asked: Direct, hashes: Hashes, say: Say) -> Source:
        filename = unquote(urlsplit(asked.url).path.rsplit("/", 1)[-1])
        say(f"Fetching {asked.url}\n")
        self._data.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._data.work, prefix="address-") as folder:
            part = Path(folder) / "file"
            sha256 = await self._repositories.download(asked.url, part)
            listed = dict(hashes).get(asked.name or "", (sha256,))
            if asked.sha256 not in (None, sha256) or sha256 not in listed:
                raise LockFailed(
                    f"{filename} is not the file whose hash the repository lists.",
                    hint="Correct the hash, or the address.",
                )
            path = self._data.wheels / sha256 / (source_filename(filename) + ending(filename, part))
            use(self._data.root, path.parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.chmod(0o644)
            part.replace(path)
        place = f"{SOURCE}/{path.name}"
        return Source(
            title=filename,
            identity=("archive", sha256, asked.subdirectory),
            argument=f"file://{quote(place)}#subdirectory={asked.subdirectory}" if asked.subdirectory else place,
            extras=asked.extras,
            name=asked.name,
            file=path,
        )
