"""Git repositories with a shorter name than their address: GitHub, GitLab, Gitea, Bitbucket and gists.

Git's own protocol needs no token and counts no requests, so it is what is asked by default. A host's web interface is
asked where git cannot answer (a commit of which only the first letters are known) or where there is a token for it,
which makes it the quicker way: one request, mostly answered by "not changed".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubkiln.errors import AccessDenied, RepositoryNotFound, Unreachable
from hubkiln.repositories import urls
from hubkiln.repositories.api import Api
from hubkiln.repositories.git_remote import GitRemote, spellings
from hubkiln.repositories.interface import Refs
from hubkiln.repositories.kind import Source
from hubkiln.repositories.refs import COMMIT, DEFAULT_BRANCHES, SHORT_COMMIT
from hubkiln.values import Checkout, Revision, Say, Spec

CommitAddress = Callable[[str, str, str], str]
"""Of a source's address, a repository and a ref: where its web interface tells the commit."""


class Hosted:
    """Repositories of one source, at addresses that end with `ending`."""

    def __init__(
        self, source: Source, remote: GitRemote, api: Api, ending: str, commit_address: CommitAddress | None = None
    ) -> None:
        self.name = source.name
        self._source, self._remote, self._api, self._ending = source, remote, api, ending
        self._commit_address = commit_address

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        url = f"{self._source.address}/{spec.repository}{self._ending}"
        if self._commit_address is not None and self._asks(spec, self._remote.token(url)):
            try:
                return await self._by_api(spec, url)
            except (Unreachable, RepositoryNotFound, AccessDenied):
                pass  # git says it better, and has no limit
        return await self._remote.resolve(spec, url)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.fetch(revision, into, say)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.list_refs(f"{self._source.address}/{spec.repository}{self._ending}")

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.tags(revision)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.history(revision, into, say)

    def _asks(self, spec: Spec, token: str | None) -> bool:
        if COMMIT.fullmatch(spec.ref) or spec.ref in DEFAULT_BRANCHES:
            return False
        return token is not None or SHORT_COMMIT.fullmatch(spec.ref) is not None

    async def _by_api(self, spec: Spec, url: str) -> Revision:
        missing = f"{url} has no branch, tag or commit named `{spec.ref}`."
        for candidate in spellings(spec):
            try:
                if self._commit_address is None:
                    break
                where = self._commit_address(self._source.address, candidate.repository, candidate.ref)
                answer = await self._api.get(where, missing=missing, token=self._remote.token(url))
            except RepositoryNotFound:
                continue
            named = next((answer[name] for name in ("sha", "id", "hash") if name in answer), None)
            if isinstance(named, str) and COMMIT.fullmatch(named):
                return Revision(spec=candidate, commit=named, url=url, name=urls.short_name(url))
        raise RepositoryNotFound(missing)
