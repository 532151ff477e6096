"""What the providers of git repositories share: an address and a ref become a revision, a revision becomes files."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from hubkiln.egress import Guard
from hubkiln.errors import RefNotFound
from hubkiln.repositories import smart_http, urls
from hubkiln.repositories.bounds import Allowance, counted, shown, watched
from hubkiln.repositories.checkout import Fetching
from hubkiln.repositories.filling import filling
from hubkiln.repositories.git_command import Remote, ssh_options
from hubkiln.repositories.history import bring_history, digest_of, list_tags
from hubkiln.repositories.interface import Refs, RepositorySettings
from hubkiln.repositories.large_files import LargeFiles
from hubkiln.repositories.lfs_server import LfsServer
from hubkiln.repositories.ls_remote import list_refs, look_up
from hubkiln.repositories.owners import OwnersTokens, host_tokens
from hubkiln.repositories.refs import COMMIT, SHORT_COMMIT, plain_ref
from hubkiln.repositories.short_commits import full_commit
from hubkiln.repositories.tokens import TokenFor
from hubkiln.sandbox import as_nobody, give_whole, take_back
from hubkiln.values import Checkout, Revision, Say, Spec


class GitRemote:
    """Resolves and fetches by address; every connection goes through the guard."""

    def __init__(self, settings: RepositorySettings, guard: Guard | None = None) -> None:
        self._settings = settings
        self._guard = guard or Guard(settings.allowed_networks)
        self._tokens = host_tokens(settings)

    async def resolve(self, spec: Spec, url: str) -> Revision:
        """
        The commit that `spec` means in the repository at `url`.

        A full commit is taken as it is, once the repository answers; fetching it proves that it exists.

        Raises:
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable.
        """
        remote = await self._connect(url)
        name = urls.short_name(url)
        if COMMIT.fullmatch(spec.ref):
            return Revision(spec=spec, commit=spec.ref, url=url, name=name)
        missing: RefNotFound | None = None
        for candidate in spellings(spec):
            try:
                found = await look_up(remote, url, candidate.ref, self._wall(url))
                return Revision(spec=candidate, commit=found.commit, url=url, name=name)
            except RefNotFound as error:
                missing = missing or error
        short = plain_ref(spec.ref).lower()
        whole = (
            await full_commit(remote, url, short, self._settings, self._wall) if SHORT_COMMIT.fullmatch(short) else None
        )
        if whole is not None:
            return Revision(spec=spec, commit=whole, url=url, name=name)
        raise missing or RefNotFound()

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """
        `revision`'s files in `into`, which is removed when that fails.

        Raises:
            as `resolve`; TooLarge, DiskFull.
        """
        started = time.monotonic()
        say(f"Fetching {revision.url} at {revision.commit[:12]}\n")
        allowance = Allowance(self._settings)
        async with filling(into, revision.url, self._settings.seconds):
            wall = self._wall(revision.url, into)
            remote = await self._connect(revision.url)
            owners = OwnersTokens(self._connect, self._tokens, remote.url)
            large = LargeFiles(LfsServer(self._guard, owners.token), allowance, say, into.parent, wall)
            fetching = Fetching(owners.connect, allowance, say, large, wall)
            made = await fetching.run(remote, revision.url, revision.commit, revision.spec.ref, into)
            await asyncio.to_thread(take_back, into)
        seconds = time.monotonic() - started
        say(f"Fetched {counted(allowance.files_used)}, {shown(allowance.bytes_used)}, in {seconds:.1f} s\n")
        return Checkout(revision=replace(revision, committed_at=made), path=into)

    async def list_refs(self, url: str) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await list_refs(await self._connect(url), url, self._wall(url))

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        remote = await self._connect(revision.url)
        return digest_of(await list_tags(remote, revision.url, self._wall(revision.url)))

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        say(f"Fetching the history and tags of {revision.url}\n")
        remote = await self._connect(revision.url)
        async with filling(into, revision.url, self._settings.seconds):
            tags = await list_tags(remote, revision.url, self._wall(revision.url))
            place = into / ".git"  # alone: the files beside it are those of the store
            if wall := self._wall(revision.url, place):
                await asyncio.to_thread(give_whole, place)
            bringing = bring_history(remote, revision.url, revision.commit, revision.spec.ref, tags, place, wall)
            found = await watched(bringing, place, Allowance(self._settings))
            await asyncio.to_thread(take_back, place)
            return found

    def token(self, url: str) -> str | None:
        """What opens `url`, which somebody asked for, if anything."""
        return self._tokens.token(url)

    def _wall(self, url: str, *into: Path) -> tuple[str, ...]:
        """Keys and known hosts of ssh are root's where we are root, so it is not apart."""
        if url.startswith("ssh://"):
            return ()
        return as_nobody("git", hidden=self._settings.own_folders, writable=into)

    async def _connect(self, url: str, token_for: TokenFor | None = None) -> Remote:
        if not url.startswith("ssh://"):
            return await smart_http.find(url, self._guard, token_for or self.token)
        endpoint = await self._guard.check(*urls.split(url))
        own_keys = self._settings.allow_local_folders
        return Remote(url, endpoint, ssh_options=ssh_options(endpoint, key=self._settings.ssh_key, own_keys=own_keys))


def spellings(spec: Spec) -> list[Spec]:
    """`spec`, then with parts of its folder moved to the ref: ``tree/a/b/c`` does not say where the ref ends."""
    parts = spec.subdir.split("/") if spec.subdir and spec.ref != "HEAD" else []
    moved = [
        replace(spec, ref="/".join([spec.ref, *parts[:count]]), subdir="/".join(parts[count:]))
        for count in range(1, min(len(parts), 4) + 1)
    ]
    return [spec, *moved]
