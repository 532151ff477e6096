"""The book of locks keeps its promises in memory, on a data folder's own file, the service's SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from hubkiln.composer import LockBook
from hubkiln.database.engine import database_at, sqlite_url
from hubkiln.database.local import open_local
from hubkiln.environments.lock_book import StoredLocks
from hubkiln.testing.workshop import InMemoryLocks
from postgresql import throw_away_server

START = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a PostgreSQL."""
    pytest.importorskip("asyncpg")
    with throw_away_server() as url:
        yield url


@pytest.fixture
def days() -> list[int]:
    """How many days have passed, in a list that tests write to."""
    return [0]


@pytest_asyncio.fixture(params=["memory", "local", "sqlite", "postgresql"])
async def locks(request: pytest.FixtureRequest, tmp_path: Path, days: list[int]) -> AsyncIterator[LockBook]:
    def now() -> datetime:
        return START + timedelta(days=days[0])

    if request.param == "memory":
        yield InMemoryLocks(now)
        return
    if request.param == "local":
        local = await open_local(tmp_path / "db")
        yield StoredLocks(local, now)
        local.close()
        return
    url = request.getfixturevalue("server") if request.param == "postgresql" else sqlite_url(tmp_path / "db")
    async with database_at(url) as database:
        await database.change("DELETE FROM locks")
        yield StoredLocks(database, now)


async def test_a_repository_keeps_its_lock(locks: LockBook, days: list[int]) -> None:
    """However old it is, until another is kept."""
    await locks.keep("recipe", "repo", "old", "1")
    days[0] = 400
    assert await locks.find("recipe", "repo", WEEK) == "old"
    await locks.keep("recipe", "repo", "new", "2")
    assert await locks.find("recipe", "repo", WEEK) == "new"
    assert await locks.find("other", "repo", WEEK) is None


async def test_going_back_to_an_earlier_lock(locks: LockBook, days: list[int]) -> None:
    """The lock kept last counts, not the one made last."""
    for day, digest in enumerate(("1", "2", "1")):
        days[0] = day
        await locks.keep("recipe", "repo", f"lock {digest}", digest)
    assert await locks.find("recipe", "repo", WEEK) == "lock 1"
    assert await locks.by_digest("2") == "lock 2"


async def test_a_fresh_lock_serves_others(locks: LockBook, days: list[int]) -> None:
    """Another repository gets it for a week, and handing it on does not make it young."""
    await locks.keep("recipe", "one", "text", "1")
    days[0] = 6
    assert await locks.find("recipe", "two", WEEK) == "text"
    await locks.keep("recipe", "two", "text", "1")
    days[0] = 8
    assert await locks.find("recipe", "three", WEEK) is None
    assert await locks.find("recipe", "two", WEEK) == "text"


async def test_what_was_never_kept_is_not_there(locks: LockBook) -> None:
    """A lock that nobody kept is None, not an error."""
    assert await locks.by_digest("none") is None


async def test_text_is_kept_as_it_is(locks: LockBook) -> None:
    """Nothing in a lock is taken for SQL."""
    text = "a = ':recipe_key' -- ; 'é' \"%s\"\n"
    await locks.keep("recipe", "repo", text, "1")
    assert await locks.find("recipe", "repo", WEEK) == text


async def test_both_ways_into_a_file_see_the_same(tmp_path: Path) -> None:
    """What the service kept, the command line finds, times included; and the other way round."""
    path = tmp_path / "db"
    local = await open_local(path)
    async with database_at(sqlite_url(path)) as database:
        for one, other, name in ((local, database, "a"), (database, local, "b")):
            await StoredLocks(one, lambda: START).keep(name, "one", name, name)
            for day, found in ((6, name), (8, None)):
                later = StoredLocks(other, lambda day=day: START + timedelta(days=day))  # type: ignore[misc]
                assert await later.find(name, "two", WEEK) == found
    local.close()
