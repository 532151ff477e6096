"""Who looks up and fetches each kind: made here from what they share. How kinds are spelled is in :mod:`.table`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.egress import Guard
from hubkiln.repositories import bitbucket, ckan, dataverse, figshare, gitea, github, gitlab, hydroshare, zenodo
from hubkiln.repositories.api import Api
from hubkiln.repositories.archives import Archives
from hubkiln.repositories.doi import DoiSystem
from hubkiln.repositories.download import Download
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.hosted import CommitAddress, Hosted
from hubkiln.repositories.inline import Inline
from hubkiln.repositories.interface import Provider, Refs, RepositorySettings
from hubkiln.repositories.kind import Source
from hubkiln.repositories.local import Local
from hubkiln.repositories.record import Record
from hubkiln.repositories.records import Find, Records
from hubkiln.repositories.software_heritage import SoftwareHeritage
from hubkiln.repositories.table import sources
from hubkiln.values import Checkout, Revision, Say, Spec


@dataclass(slots=True)
class Tools:
    """What providers share."""

    settings: RepositorySettings
    guard: Guard
    remote: GitRemote = field(init=False)
    api: Api = field(init=False)
    downloads: Download = field(init=False)
    dois: DoiSystem = field(init=False)

    def __post_init__(self) -> None:
        self.remote = GitRemote(self.settings, self.guard)
        self.api = Api(self.guard, self.settings.tokens | self.settings.own_tokens)
        self.downloads = Download(self.guard, self.settings.max_bytes, self.settings.tokens, self.settings.own_tokens)
        self.dois = DoiSystem(sources(self.settings)["doi"].address, self.api)


class Git:
    """Repositories by address."""

    name = "git"

    def __init__(self, remote: GitRemote) -> None:
        self._remote = remote

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.resolve(spec, spec.repository)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.fetch(revision, into, say)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.list_refs(spec.repository)

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.tags(revision)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.history(revision, into, say)


def provider(source: Source, tools: Tools) -> Provider:
    """Who looks up the repositories of `source`."""
    if source.kind in _HOSTED:
        return Hosted(source, tools.remote, tools.api, *_HOSTED[source.kind])
    if source.kind in _RECORDS:
        find = _RECORDS[source.kind](source, tools)
        return Records(source.name, find, tools.downloads, tools.settings)
    if source.kind == "inline":
        return Inline()
    if source.kind == "local":
        return Local(tools.settings)
    return Git(tools.remote)


_HOSTED: dict[str, tuple[str, CommitAddress | None]] = {
    "github": ("", github.commit_address),
    "gitlab": (".git", gitlab.commit_address),
    "gitea": (".git", gitea.commit_address),
    "bitbucket": (".git", bitbucket.commit_address),
    "gist": (".git", None),
}
"""What ends a repository's git address, and where its web interface tells commits."""


def _by_host(find: Callable[[Api, str, str], Awaitable[Record]]) -> Callable[[Source, Tools], Find]:
    return lambda source, tools: lambda spec: find(tools.api, source.address, spec.repository)


_RECORDS: dict[str, Callable[[Source, Tools], Find]] = {
    "zenodo": _by_host(zenodo.find),
    "figshare": _by_host(figshare.find),
    "hydroshare": _by_host(hydroshare.find),
    "ckan": lambda source, tools: lambda spec: ckan.find(tools.api, spec.repository),
    "dataverse": lambda source, tools: (
        lambda spec: dataverse.find(tools.api, tools.dois, source.address, spec.repository)
    ),
    "swh": lambda source, tools: lambda spec: SoftwareHeritage(source.address, tools.api).find(spec.repository),
    "archive": lambda source, tools: Archives(tools.downloads, tools.settings.scratch).find,
}
"""How each host is asked for a record."""
