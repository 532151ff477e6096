"""All providers behind one object: what the pipeline, the web and the command line hold."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from hubkiln.beneath import remove
from hubkiln.egress import Guard
from hubkiln.errors import BadSpec, NotFound
from hubkiln.repositories import gist, github, gitlab
from hubkiln.repositories.commit_date import committed_at
from hubkiln.repositories.download import download
from hubkiln.repositories.git import Git
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.inline import Inline
from hubkiln.repositories.interface import Provider, RepositorySettings
from hubkiln.repositories.local import Local
from hubkiln.repositories.specs import make_spec, parse_provider_path, parse_spec
from hubkiln.values import Checkout, Revision, Say, Spec


class Repositories:
    """Reads specs, looks them up and fetches them, each by its provider."""

    def __init__(self, settings: RepositorySettings, *, guard: Guard | None = None) -> None:
        self._settings, self._guard = settings, guard or Guard(settings.allowed_networks)
        remote = GitRemote(settings, self._guard)
        providers: list[Provider] = [
            Git(remote),
            github.provider(settings.github, remote),
            gitlab.provider(settings.gitlab, remote),
            gist.provider(settings.gist, remote),
            Inline(),
            *([Local(settings)] if settings.allow_local_folders else []),
        ]
        self._providers = {provider.name: provider for provider in providers}

    def parse(self, text: str, ref: str | None = None, subdir: str = "") -> Spec:
        """What a person typed; raises BadSpec."""
        return parse_spec(text, ref, subdir=subdir, settings=self._settings)

    def parse_link(self, provider: str, rest: str, subdir: str = "") -> Spec:
        """The raw path of a link ``/v2/<provider>/<rest>``; raises BadSpec."""
        return parse_provider_path(provider, rest, subdir=subdir, settings=self._settings)

    def make(self, provider: str, repository: str, ref: str, subdir: str = "") -> Spec:
        """A spec from its stored parts, checked again; raises BadSpec."""
        return make_spec(provider, repository, ref, subdir, self._settings)

    async def resolve(self, spec: Spec) -> Revision:
        """
        Look `spec` up.

        Raises:
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable.
        """
        return await self._provider(spec).resolve(spec)

    async def download(self, url: str, into: Path) -> str:
        """One file that a repository names; see :func:`hubkiln.repositories.download.download`."""
        return await download(url, into, self._guard)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """
        Put the revision's files into the empty or absent folder `into`; on failure `into` is removed.

        Raises:
            as `resolve`; TooLarge, DiskFull; NotFound: the spec's folder is not there.
        """
        checkout = await self._provider(revision.spec).fetch(revision, into, say)
        inner = checkout.path / revision.spec.subdir
        if inner.is_dir() and inner.resolve().is_relative_to(checkout.path.resolve()):
            return checkout
        await asyncio.to_thread(remove, into)
        raise NotFound(
            f"The repository has no folder `{revision.spec.subdir}`.", hint="Check its spelling, and the ref."
        )

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._provider(revision.spec).tags(revision)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._provider(revision.spec).history(revision, into, say)

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None:
        """When the commit of `revision`, whose files lie in `folder`, was made; None where nothing tells."""
        return revision.committed_at or await committed_at(revision.commit, folder, self._settings)

    def _provider(self, spec: Spec) -> Provider:
        try:
            return self._providers[spec.provider]
        except KeyError:
            raise BadSpec(f"`{spec.provider}` repositories cannot be built here.") from None
