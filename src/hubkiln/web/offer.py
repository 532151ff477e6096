"""What the service has to answer with besides builds: given by the workshop behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hubkiln.builds import Glances, Sources
from hubkiln.environments import Sight
from hubkiln.errors import NotFound
from hubkiln.images import Looks, References
from hubkiln.repositories import CommitStatuses, Recognised, Refs
from hubkiln.values import Revision, Spec
from hubkiln.web.kinds import KINDS, Written
from hubkiln.web.models import EngineModel, PackageList
from hubkiln.web.storage_report import Ask


async def no_refs(spec: Spec) -> Refs:
    """Of a service that asks nobody."""
    return Refs()


class Contents(Protocol):
    """Knows what is in images that were made here."""

    async def packages(self, image: str) -> PackageList:
        """
        The packages of `image`.

        Raises:
            NotFound: it is gone, or its lock is not kept.
        """

    async def export(self, image: str, kind: str) -> str:
        """
        `image` in another tool's words.

        Raises:
            NotFound: as above; BadSpec: there is no such kind; Unsupported: it cannot be said so.
        """


class NoContents:
    """Of a service without stores."""

    async def packages(self, image: str) -> PackageList:
        """See :class:`Contents`."""
        raise NotFound("The packages of this image are not known here.")

    async def export(self, image: str, kind: str) -> str:
        """See :class:`Contents`."""
        raise NotFound("The packages of this image are not known here.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Who is not told otherwise has nothing to tell."""

    engine: Callable[[], EngineModel]
    parse: Callable[[str, str | None, str], Spec]
    """(what was typed, ref, subdir); raises BadSpec."""
    parse_provider: Callable[[str, str], Spec]
    """(provider, rest of the path, still percent-encoded); raises BadSpec."""
    recognise: Callable[[str, str | None, str], Recognised]
    """As `parse`, with what a link wants to be opened."""
    contents: Contents = field(default_factory=NoContents)
    refs: Glances[Refs] = field(default_factory=lambda: Glances(no_refs))
    """Branches and tags."""
    looks: Looks = field(default_factory=Looks)
    references: References = field(default_factory=References)
    kinds: Sequence[Written] = KINDS
    """How repositories are written here."""
    sources: Sources | None = None
    """Looks up what builds are asked for before they begin."""
    statuses: CommitStatuses = field(default_factory=CommitStatuses)
    """Tells forges of their commits."""
    sight: Sight = field(default_factory=Sight)
    """Looks at images of saved environments."""
    newest: Glances[Revision] | None = None
    """What refs mean, as it was some minutes ago."""
    storage: Ask | None = None
    """Tells what a collection would do."""
