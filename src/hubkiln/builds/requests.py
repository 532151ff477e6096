"""What a request comes to before it is recorded: which commit is meant, and whether its image is there already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.codec import request_key
from hubkiln.builds.interface import BuildRequest, BuildSettings, Built, Plan, Present, Record
from hubkiln.builds.lookups import CanTry, Glances, Lookups, Resolve
from hubkiln.builds.queue import Asked, Queue
from hubkiln.builds.together import Together
from hubkiln.keys import digest
from hubkiln.values import Revision, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is asked about a request; with nothing given, everything is left to the build."""

    resolve: Resolve | None = None
    """Looks refs up, so that builds join by commit."""
    present: Present | None = None
    """Whether what was built is still there, so that it is not built again."""
    can_try: CanTry | None = None
    plan: Plan | None = None
    """What would be done, where the files are here already."""
    stored: Callable[[str], Awaitable[int]] | None = None
    """Bytes that are kept for a user."""
    made_with: Callable[[], str] = str
    """Names everything besides the request that decides what comes out: version and settings."""


class Requests:
    """Finds out what can be found out about a request."""

    def __init__(self, queue: Queue, sources: Sources, settings: BuildSettings) -> None:
        self._queue, self._sources, self._settings = queue, sources, settings
        self._together = Together(self._known)
        self._lookups = Lookups(sources.resolve, settings.lookup_seconds) if sources.resolve else None
        self._glances = (
            Glances(sources.resolve, sources.can_try, seconds=settings.lookup_seconds) if sources.resolve else None
        )

    async def asked(self, request: BuildRequest, owner: str, groups: tuple[str, ...] = (), priority: int = 0) -> Asked:
        """`request` as it is to be recorded for `owner`."""
        if request.spec.reader not in ("", owner):  # somebody else's private build, begun again
            request = replace(request, spec=replace(request.spec, reader=""), revision=None)
        ref = request.spec.ref
        if request.revision is None and self._lookups and (revision := await self._find(request.spec, owner)):
            request, ref = replace(request, spec=revision.spec, revision=revision), revision.spec.ref
        return await self._keyed(Asked(request=request, owner=owner, ref=ref, groups=groups, priority=priority))

    async def openly(self, request: BuildRequest, user: str) -> Asked | None:
        """`request` as everybody may read it, looked up now for `user` and others; None where nobody can tell."""
        if self._lookups is None or self._sources.present is None or request.revision or request.refresh:
            return None
        revision = await self._lookups.find(request.spec, user)
        if revision is None or revision.spec.reader:
            return None
        request = replace(request, spec=revision.spec, revision=revision)
        return Asked(request=request, owner=user, ref=revision.spec.ref, result_key=self._result_key(request))

    async def known_in(self, connection: AsyncConnection, key: str) -> tuple[Built, datetime] | None:
        """What a request with this result key came to lately, and until when that counts."""
        return await self._queue.known_in(connection, key, self._within)

    async def present(self, built: Built) -> bool:
        """Whether it is still there."""
        return self._sources.present is not None and await self._sources.present(built)

    async def foreseen(self, request: BuildRequest, owner: str) -> Asked:
        """
        `request` as it would be recorded for `owner`; what its ref means may have been looked up a while ago.

        Raises:
            UserError, ServiceError: as the look-up does.
        """
        if self._glances is not None:
            revision = await self._glances.find(request.spec, owner)
            request = replace(request, spec=revision.spec, revision=revision)
        return await self._keyed(Asked(request=request, owner=owner, ref=request.spec.ref))

    async def under_way(self, request: BuildRequest) -> Record | None:
        """The build that `request` would join."""
        return await self._queue.under_way(request_key(request))

    async def _keyed(self, asked: Asked) -> Asked:
        if asked.request.revision is None:
            return asked
        key = self._result_key(asked.request)
        asked = replace(asked, result_key=key)
        if asked.request.refresh or self._sources.present is None:
            return asked
        record = await self._together.find(key)
        if record is None or record.built is None:
            return replace(asked, within=self._within)
        if not await self._sources.present(record.built):
            return replace(asked, within=self._within, gone=record.id)
        return replace(asked, found=replace(record.built, reused=True, seconds={}))

    def _result_key(self, request: BuildRequest) -> str:
        return digest([request_key(request), self._sources.made_with()])

    @property
    def _within(self) -> timedelta:
        return timedelta(seconds=self._settings.known_seconds)

    async def _find(self, spec: Spec, owner: str) -> Revision | None:
        """As everybody may read it, else with the owner's own rights: such a build is theirs alone."""
        assert self._lookups is not None
        if not spec.reader and (revision := await self._lookups.find(spec, owner)):
            return revision
        if self._sources.can_try is None or not await self._sources.can_try(owner, spec):
            return None
        return await self._lookups.find(replace(spec, reader=owner), owner)

    async def _known(self, key: str) -> Record | None:
        return await self._queue.known(key, self._within)
