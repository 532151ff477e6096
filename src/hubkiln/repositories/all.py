"""All providers behind one object: what the pipeline, the web and the command line hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, BadSpec, NotFound, RepositoryNotFound
from hubkiln.folders import no_folder
from hubkiln.removal import remove
from hubkiln.repositories.commit_date import committed_at
from hubkiln.repositories.download import download
from hubkiln.repositories.interface import Provider as AnyProvider
from hubkiln.repositories.interface import Recognised, Refs, RepositorySettings
from hubkiln.repositories.providers import Tools, provider
from hubkiln.repositories.specs import make_spec, parse_provider_path, parse_spec, recognise
from hubkiln.repositories.table import sources
from hubkiln.repositories.tokens import Lent, Tokens, host_of
from hubkiln.values import Checkout, Revision, Say, Spec

T = TypeVar("T")

_MOST_CLOSED = 10_000


class Repositories:
    """Reads specs, looks them up and fetches them, each by its provider."""

    def __init__(
        self,
        settings: RepositorySettings,
        *,
        guard: Guard | None = None,
        tokens: Tokens | None = None,
        lent: Lent | None = None,
    ) -> None:
        """`tokens` gives those of the reader of a spec; without it, readers have none. `lent` are for everybody."""
        self._settings, self._guard, self._tokens = settings, guard or Guard(settings.allowed_networks), tokens
        self._lent, self._closed = lent, set[tuple[str, str]]()
        tools = Tools(settings, self._guard)
        self._providers = {source.name: provider(source, tools) for source in sources(settings).values()}
        self._dois = tools.dois

    def parse(self, text: str, ref: str | None = None, subdir: str = "") -> Spec:
        """What a person typed or pasted; raises BadSpec."""
        return parse_spec(text, ref, subdir=subdir, settings=self._settings)

    def recognise(self, text: str, ref: str | None = None, subdir: str = "") -> Recognised:
        """The same, with what a link wants to be opened; raises BadSpec."""
        return recognise(text, ref, subdir=subdir, settings=self._settings)

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
        if spec.provider == "doi":
            spec = await self._led_to(spec)
        return await self._with(spec, lambda there: there.resolve(spec))

    async def _led_to(self, spec: Spec) -> Spec:
        """What a DOI leads to, where that is a page of something we know."""
        page = await self._dois.leads_to(spec.repository)
        try:
            found = self.parse(page, subdir=spec.subdir)
        except BadSpec:
            found = spec
        if found.provider in ("doi", "git", "local", "inline"):
            raise RepositoryNotFound(
                f"The DOI {spec.repository} leads to {page[:200]}, which is no repository that can be built.",
                hint="Give the address of the files themselves.",
            )
        return found

    async def download(self, url: str, into: Path) -> str:
        """One file that a repository names; see :func:`hubkiln.repositories.download.download`."""
        return await download(url, into, self._guard)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """
        Put the revision's files into the empty or absent folder `into`; on failure `into` is removed.

        Raises:
            as `resolve`; TooLarge, DiskFull; NotFound: the spec's folder is not there.
        """
        checkout = await self._with(revision.spec, lambda there: there.fetch(revision, into, say))
        inner = checkout.path / revision.spec.subdir
        if inner.is_dir() and inner.resolve().is_relative_to(checkout.path.resolve()):
            return checkout
        said, hint = no_folder(checkout.path, revision.spec.subdir)
        await asyncio.to_thread(remove, into)
        raise NotFound(said, hint=hint)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._with(spec, lambda there: there.list_refs(spec))

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._with(revision.spec, lambda there: there.tags(revision))

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._with(revision.spec, lambda there: there.history(revision, into, say))

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None:
        """When the commit of `revision`, whose files lie in `folder`, was made; None where nothing tells."""
        return revision.committed_at or await committed_at(revision.commit, folder, self._settings)

    async def can_try(self, user: str, spec: Spec) -> bool:
        """Whether `user` has a token for the host of `spec`, so that it may be readable for them alone."""
        tokens = await self._tokens(user) if self._tokens else {}
        host = _host(spec, self._settings)
        return bool(host) and any(place == host or place.startswith(f"{host}/") for place in tokens)

    async def _with(self, spec: Spec, call: Callable[[AnyProvider], Awaitable[T]]) -> T:
        """What `call` gives with who looks up `spec`: as everybody may, and only where that fails with what is lent."""
        there = await self._provider(spec)
        if self._lent is None or spec.reader:
            return await call(there)
        name = (spec.provider, spec.repository)
        if name not in self._closed:
            try:
                return await call(there)
            except (AccessDenied, RepositoryNotFound):
                if not (lent := await self._lent(spec)):
                    raise
        elif not (lent := await self._lent(spec)):
            return await call(there)
        found = await call(self._opened(spec, lent))
        self._closed |= {name} if len(self._closed) < _MOST_CLOSED else set()
        return found

    async def _provider(self, spec: Spec) -> AnyProvider:
        if spec.provider not in self._providers:
            raise BadSpec(f"`{spec.provider}` repositories cannot be built here.")
        if not spec.reader or self._tokens is None:
            return self._providers[spec.provider]
        return self._opened(spec, await self._tokens(spec.reader))

    def _opened(self, spec: Spec, tokens: Mapping[str, str]) -> AnyProvider:
        """Who looks up `spec` with `tokens` besides those for everybody; nothing that they may see is remembered."""
        tools = Tools(replace(self._settings, own_tokens=dict(tokens)), self._guard)
        return provider(sources(self._settings)[spec.provider], tools)


def _host(spec: Spec, settings: RepositorySettings) -> str:
    """The host that is asked for `spec`, as tokens name it; empty where that is not known before it is looked up."""
    source = sources(settings).get(spec.provider)
    return host_of((source.address if source else "") or spec.repository)
