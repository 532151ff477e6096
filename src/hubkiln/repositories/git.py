"""Any git repository by its address: ``git/https%3A%2F%2Fhost%2Fr.git/main``."""

from __future__ import annotations

from pathlib import Path

from hubkiln.repositories import urls
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.refs import check_ref, check_subdir
from hubkiln.values import Checkout, Revision, Say, Spec

canonical = urls.canonical
"""A repository's address, canonical; raises BadSpec."""


class Git:
    """Repositories by address."""

    name = "git"

    def __init__(self, remote: GitRemote) -> None:
        self._remote = remote

    def parse(self, repository: str, ref: str, subdir: str) -> Spec:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return Spec(
            provider=self.name, repository=canonical(repository), ref=check_ref(ref), subdir=check_subdir(subdir)
        )

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.resolve(spec, spec.repository)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.fetch(revision, into, say)
