"""What stands already, for whoever has had it: nothing is recorded, because nothing is new.

All who ask for one thing at a moment share one look-up of its ref, one look at the tables and one question whether
the image is there; none of these is older than the question of any of them. Whoever asks for the first time, or about
whom anything is in doubt, is answered by :meth:`hubkiln.builds.jobs.Jobs.submit`, which says what is wrong, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.builds.journal import Clock
from hubkiln.builds.queue import Asked
from hubkiln.builds.requests import Requests
from hubkiln.builds.rules import RuleKind, RuleList, Rules, asked_of
from hubkiln.builds.together import Together
from hubkiln.database import Database
from hubkiln.errors import HubkilnError
from hubkiln.values import utc_now

log = logging.getLogger(__name__)

MOST = 20_000
"""Pairs of a request and a user of which it is remembered that there was an answer; beyond, the oldest is recorded
again."""

MOST_READ = 256
"""Requests of which what the tables said is remembered while nothing is written to them."""

NOTED = timedelta(minutes=1)
"""How exactly last uses are noted where nothing else is to be written."""


class Kept(Protocol):
    """Knows who has what was built."""

    async def having(
        self, connection: AsyncConnection, request: BuildRequest, built: Built, owners: Collection[str]
    ) -> dict[str, datetime]:
        """Those of `owners` for whom there would be nothing to save but when they used it, and when they did."""

    async def used(self, request: BuildRequest, owners: Collection[str]) -> None:
        """Note that `owners` use theirs now."""


class NotKept:
    """Nobody has anything: every answer is recorded."""

    async def having(
        self, connection: AsyncConnection, request: BuildRequest, built: Built, owners: Collection[str]
    ) -> dict[str, datetime]:
        """See :class:`Kept`."""
        return {}

    async def used(self, request: BuildRequest, owners: Collection[str]) -> None:
        """See :class:`Kept`."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What came of one look, for all who had asked before it began."""

    request: BuildRequest
    built: Built
    rules: RuleList
    owners: Collection[str]


@dataclass(slots=True)
class _Read:
    """What the tables said, which holds while nothing is written to them."""

    rules: RuleList
    key: str = ""
    """Result key of what follows."""
    built: Built | None = None
    until: datetime | None = None
    asked: set[str] = field(default_factory=set)
    """Owners who were asked about."""
    used: dict[str, datetime] = field(default_factory=dict)
    """Those of them who have it, and when they used it."""


class Standing:
    """Answers with what stands, to whoever has had it."""

    def __init__(
        self, database: Database, requests: Requests, rules: Rules, kept: Kept | None = None, now: Clock = utc_now
    ) -> None:
        self._database, self._requests, self._rules, self._now = database, requests, rules, now
        self._kept = kept or NotKept()
        self._answered: dict[tuple[BuildRequest, str], None] = {}
        self._asking: dict[BuildRequest, set[str]] = {}
        self._together = Together(self._look)
        self._read: dict[BuildRequest, _Read] = {}
        self._changes: int | None = None
        """What is read holds while this is the number of changes."""
        self._noting: set[asyncio.Task[None]] = set()

    def answered(self, request: BuildRequest, owner: str) -> None:
        """What `owner` asked for was there; it may be again."""
        self._answered.pop((request, owner), None)
        while len(self._answered) >= MOST:
            del self._answered[next(iter(self._answered))]
        self._answered[request, owner] = None

    async def find(self, request: BuildRequest, owner: str, told: Mapping[RuleKind, str]) -> Built | None:
        """
        What stands for `owner`; None where that must be found out with a record.

        `told` is what rules may say of whoever asks, besides their name.
        """
        if (request, owner) not in self._answered:
            return None
        self._asking.setdefault(request, set()).add(owner)
        look = await self._together.find(request)
        if look is not None and owner in look.owners and look.rules.allow({**told, **asked_of(look.request, owner)}):
            return look.built
        self._answered.pop((request, owner), None)
        return None

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._noting)

    async def _look(self, request: BuildRequest) -> _Look | None:
        owners = self._asking.pop(request, set())
        try:
            return await self._found(request, owners)
        except HubkilnError as error:
            log.info("not looked at", extra={"action": "build_standing", "error": type(error).__name__})
            return None

    async def _found(self, request: BuildRequest, owners: set[str]) -> _Look | None:
        read = await self._rules_of(request)
        owners = {
            owner for owner in owners if read.rules.allow(asked_of(request, owner))
        }  # no host is asked for others
        asked = await self._requests.openly(request, min(owners)) if owners else None
        if asked is None or asked.result_key is None:
            return None
        read = await self._rows_of(request, asked, owners)
        having = read.used.keys() & owners
        if read.built is None or not having or not await self._requests.present(read.built):
            return None
        self._use(asked.request, read, having)
        return _Look(asked.request, read.built, read.rules, having)

    async def _rules_of(self, request: BuildRequest) -> _Read:
        """The rules of now, with what else was read of `request` and still holds."""
        if (read := self._holding(request)) is not None:
            return read
        changes = self._database.changes.number()
        async with self._database.reading() as connection:
            read = _Read(await self._rules.read(connection))
        return self._keep(request, read, changes)

    async def _rows_of(self, request: BuildRequest, asked: Asked, owners: set[str]) -> _Read:
        """What is known of `asked` now, and who of `owners` has it."""
        key, now = asked.result_key or "", self._now()
        read = self._holding(request)
        if (
            read is not None
            and read.key == key
            and read.until is not None
            and read.until > now
            and owners <= read.asked
        ):
            return read
        changes = self._database.changes.number()
        async with self._database.reading() as connection:
            read = _Read(await self._rules.read(connection), key)
            known = await self._requests.known_in(connection, key)
            if known is not None:
                read.built, read.until = known
                read.used = await self._kept.having(connection, asked.request, read.built, owners)
                read.asked = owners
        return self._keep(request, read, changes)

    def _holding(self, request: BuildRequest) -> _Read | None:
        """What was read of `request`, if nothing was written since."""
        changes = self._database.changes.number()
        if changes is None or changes != self._changes:
            self._read.clear()
            self._changes = changes
        return self._read.get(request)

    def _keep(self, request: BuildRequest, read: _Read, changes: int | None) -> _Read:
        if changes is None or changes != self._changes:
            return read
        before = self._read.pop(request, None)
        if before is not None and before.key == read.key:
            read.asked, read.used = read.asked | before.asked, before.used | read.used
        while len(self._read) >= MOST_READ:
            del self._read[next(iter(self._read))]
        self._read[request] = read
        return read

    def _use(self, request: BuildRequest, read: _Read, owners: Collection[str]) -> None:
        """Note in a while that they use it, where that was long ago."""
        now = self._now()
        if long_ago := [owner for owner in owners if now - read.used[owner] > NOTED]:
            read.used |= dict.fromkeys(long_ago, now)
            task = asyncio.create_task(self._note(request, long_ago), name="note last use")
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    async def _note(self, request: BuildRequest, owners: Collection[str]) -> None:
        try:
            await self._kept.used(request, owners)
        except HubkilnError as error:  # an answer of later tries again
            log.warning("last use not noted", extra={"action": "build_standing", "error": error.message})
