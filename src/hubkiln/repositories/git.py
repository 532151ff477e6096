"""Any git repository by its address: ``git/https%3A%2F%2Fhost%2Fr.git/main``."""

from __future__ import annotations

from pathlib import Path

from hubkiln.repositories import urls
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.values import Checkout, Revision, Say, Spec

canonical = urls.canonical
"""A repository's address, canonical; raises BadSpec."""


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

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.tags(revision)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.history(revision, into, say)
