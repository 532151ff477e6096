"""What somebody who follows a build can rely on, whatever wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hubkiln.builds.claims import Claims
from hubkiln.builds.events import Entered, Event, Phase
from hubkiln.builds.followers import Followers
from hubkiln.builds.journal import Happened, Journal
from hubkiln.database.bell import Bell
from hubkiln.database.engine import Database

from .conftest import QUICK, begun


class DeafBell(Bell):
    """Is never rung, as where another process writes and no news comes through."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def next(self, name: str) -> asyncio.Event:
        """See :class:`hubkiln.database.bell.Bell`."""
        self.asked.set()
        return asyncio.Event()


async def test_a_stop_lets_go_of_nobody_who_has_not_been_told_everything(database: Database) -> None:
    """What was recorded before the service stopped is told, though nothing rang."""
    record, journal = await begun(database), Journal(database)
    stopping = asyncio.Event()
    followers = Followers(journal, Claims(database), DeafBell(), replace(QUICK, poll_seconds=3600), stopping)
    following = followers.follow(record.id, 0)
    assert (await anext(following)).event == Entered(Phase.QUEUED)
    happened: Sequence[Event] = (Entered(Phase.RESOLVING), Entered(Phase.QUEUED))
    await journal.append(record.id, "w", [Happened(journal.now(), event) for event in happened], {})
    stopping.set()
    assert [one.event async for one in following][-2:] == list(happened)
