"""What is to be told to other programs when a build ends: kept in the database until the address has taken it.

A build's end is found in the table of builds, so that none is missed, whichever process wrote it. A process claims a
notice by putting off when it is due next; one that dies while it tells leaves it to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hubkiln.builds.codec import decode_request
from hubkiln.builds.events import ENDS
from hubkiln.builds.interface import Record
from hubkiln.builds.journal import QUEUE, Clock
from hubkiln.builds.quotas import FOUND
from hubkiln.builds.rows import record_in
from hubkiln.database import Database, builds_table, notices_table
from hubkiln.errors import LimitReached
from hubkiln.keys import digest
from hubkiln.values import utc_now

LOOKS_BACK = timedelta(hours=1)
"""Builds that ended longer ago are no news, for a service that comes back or is told of a new address."""

TELLING = timedelta(minutes=1)
"""How long a process may take to tell; then another may try."""

PAUSES = tuple(timedelta(seconds=10 * 3**n) for n in range(9))
"""After each failed try; the last one is after some 18 hours, more than a day after the first."""

SOON = timedelta(seconds=1)
"""When to look again for what is not known of a build yet."""

KEPT = timedelta(days=7)

MOST_ASKED = 20
"""Addresses that requests may name for one build: each is tried for a day."""

BEGUN, ENDED = "begun:", "ended:"
"""Beginnings of what stands in the place of an address where a forge is told of a commit: that it is being built,
and then how that ended; the service's own address follows."""


_OF_COMMIT = notices_table.c.url.startswith(BEGUN, autoescape=True) | notices_table.c.url.startswith(
    ENDED, autoescape=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One build's end, for one address."""

    record: Record
    url: str
    attempt: int
    """1 for the first try."""

    @property
    def of_commit(self) -> bool:
        """Whether a forge is told of the commit, and no address."""
        return self.url.startswith((BEGUN, ENDED))

    @property
    def id(self) -> str:
        """The same for each try, so that a receiver knows what it has heard."""
        return f"{self.record.id}-{digest([self.url])[:8]}"


class Notices:
    """The table of notices."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database, self._now = database, now

    async def ask(self, id: str, url: str, most: int | None = None) -> None:
        """
        Tell `url` when the build `id` ends, or now if it has.

        Raises:
            LimitReached: so many as `most` are to be told of it already.
        """
        with suppress(IntegrityError):  # asked for already
            async with self._database.writing(QUEUE) as connection:
                same = notices_table.c.build_id == id
                told = set((await connection.execute(select(notices_table.c.url).where(same))).scalars())
                if most is not None and url not in told and len(told) >= most:
                    raise LimitReached(
                        f"{len(told)} addresses are to be told of this build already.", hint="Have one tell the others."
                    )
                await connection.execute(insert(notices_table).values(build_id=id, url=url, due=self._now()))

    async def hand_on(self, ended: str, again: str) -> None:
        """A forge that was told of the commit of the build `ended` is told of `again`, the next try at the same."""
        async with self._database.reading() as connection:
            urls = await connection.execute(select(notices_table.c.url).where(notices_table.c.build_id == ended))
            services = {bare for url in urls.scalars() if (bare := service_of(url)) != url}
        for service in services:
            await self.ask(again, BEGUN + service)

    async def tell_a_forge(self, id: str) -> bool:
        """Whether a forge is told of the commit of the build `id`, or was."""
        query = select(notices_table.c.url).where(notices_table.c.build_id == id, _OF_COMMIT).limit(1)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None

    async def overtaken(self, notice: Notice) -> bool:
        """Whether its forge hears of a later build of the same commit: what this would say is no news any more."""
        builds, record = builds_table.c, notice.record
        spec, commit = record.request.spec, commit_of(record)
        same = (builds.provider == spec.provider) & (builds.repository == spec.repository) & (builds.commit == commit)
        later = select(builds.request).join(notices_table).where(same, builds.created > record.created)
        async with self._database.reading() as connection:
            requests = (await connection.execute(later.where(_OF_COMMIT))).scalars().all()
        return any(decode_request(request).spec.ref == spec.ref for request in requests)

    async def find(self, urls: Sequence[str]) -> None:
        """
        Note that `urls` are to be told of each build that has ended.

        Not of what was there already, for nothing was built; nor of private repositories, which are their readers'.
        """
        table, since = builds_table.c, self._now() - LOOKS_BACK
        for url in urls:
            noted = select(notices_table.c.build_id).where(notices_table.c.url == url)
            ended = (table.finished >= since) & table.state.in_([phase.value for phase in ENDS])
            query = select(table.id).where(ended, table.result_key.is_distinct_from(FOUND), table.id.not_in(noted))
            async with self._database.reading() as connection:
                ids = (await connection.execute(query)).scalars().all()
                records = [await record_in(connection, id) for id in ids]
            for record in records:
                if record is not None and not record.request.spec.reader:
                    await self.ask(record.id, url)

    async def take(self) -> Notice | None:
        """The next notice that is due, from now on the caller's to tell; None if there is none."""
        notices, builds, now = notices_table.c, builds_table.c, self._now()
        ended = builds.state.in_([phase.value for phase in ENDS])
        due = (ended | notices.url.startswith(BEGUN)) & notices.done.is_(None) & (notices.due <= now)
        query = select(notices_table).join(builds_table).where(due).order_by(notices.due).limit(1)
        while True:
            async with self._database.reading() as connection:
                row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None
            mine = (notices.build_id == row.build_id) & (notices.url == row.url) & (notices.attempts == row.attempts)
            taken = update(notices_table).where(mine).values(attempts=row.attempts + 1, due=now + TELLING)
            async with self._database.writing() as connection:
                if not (await connection.execute(taken)).rowcount:
                    continue  # another process was quicker
                record = await record_in(connection, row.build_id)
            assert record is not None
            return Notice(record=record, url=row.url, attempt=row.attempts + 1)

    async def told(self, notice: Notice) -> None:
        """The address has taken it; old notices are forgotten, but for those of commits, whose forges lead here."""
        old = (notices_table.c.done < self._now() - KEPT) & ~_OF_COMMIT
        async with self._database.writing() as connection:
            await connection.execute(delete(notices_table).where(old))
            await connection.execute(_same(notice).values(done=self._now()))

    async def put_off(self, notice: Notice) -> None:
        """There is nothing to tell yet; this was no try."""
        async with self._database.writing() as connection:
            again = {"due": self._now() + SOON, "attempts": notice.attempt - 1}
            await connection.execute(_same(notice).values(**again))

    async def go_on(self, notice: Notice, url: str) -> None:
        """The address has taken it; `url` is the next to be told, when the build has ended."""
        async with self._database.writing(QUEUE) as connection:
            await connection.execute(_same(notice).values(url=url, attempts=0, due=self._now()))

    async def failed(self, notice: Notice) -> datetime | None:
        """It has not; returns when it is tried again, None if never."""
        if notice.attempt > len(PAUSES):
            async with self._database.writing() as connection:
                await connection.execute(_same(notice).values(done=self._now()))
            return None
        again = self._now() + PAUSES[notice.attempt - 1]
        async with self._database.writing() as connection:
            await connection.execute(_same(notice).values(due=again))
        return again


def service_of(url: str) -> str:
    """The service's own address in what stands for a forge; any other as it is."""
    return url.removeprefix(BEGUN).removeprefix(ENDED)


def commit_of(record: Record) -> str:
    """The commit that a build is of; empty while it is not known."""
    return record.commit or (record.request.revision.commit if record.request.revision else "")


def _same(notice: Notice) -> Update:
    columns = notices_table.c
    return update(notices_table).where(columns.build_id == notice.record.id, columns.url == notice.url)
