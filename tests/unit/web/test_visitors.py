"""Requests without a login are counted in the database, by all processes of the service together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request

from hubkiln.database.engine import Database
from hubkiln.testing.database import fresh_database
from hubkiln.web.settings import WebSettings
from hubkiln.web.visitors import WINDOW_SECONDS, Visits, address_of


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one."""
    database = await fresh_database(tmp_path)
    yield database
    await database.close()


async def test_two_processes_have_one_limit(database: Database) -> None:
    """What one of them counted, the other knows; at the same moment nothing is lost; an hour later all is new."""
    now = [1000.0]
    one, other = (Visits(5, database, lambda: now[0]) for _ in range(2))
    counted = await asyncio.gather(*(visits.count("192.0.2.1") for visits in (one, other) * 3))
    assert sorted(allowed.remaining for allowed in counted) == [-1, 0, 1, 2, 3, 4]
    assert {allowed.reset for allowed in counted} == {1000 + WINDOW_SECONDS}
    assert (await other.count("192.0.2.2")).remaining == 4
    now[0] += WINDOW_SECONDS
    assert (await one.count("192.0.2.1")).remaining == 4


async def test_windows_of_a_clock_that_was_wrong_end(database: Database) -> None:
    """A machine that believed for a moment that a year had passed does not count on for that year."""
    now = [1000.0]
    visits = Visits(5, database, lambda: now[0])
    now[0] += 365 * 86400
    await visits.count("192.0.2.1")
    now[0] = 1000.0
    allowed = await visits.count("192.0.2.1")
    assert (allowed.remaining, allowed.reset) == (4, 1000 + WINDOW_SECONDS)


@pytest.mark.parametrize(
    "told", [("192.0.2.9, 198.51.100.7",), ("192.0.2.9", "198.51.100.7"), ("192.0.2.9,", "198.51.100.7")]
)
def test_what_a_visitor_says_of_their_address_counts_for_nothing(told: tuple[str, ...]) -> None:
    """Also where the proxy before us puts a header of its own behind the visitor's."""
    headers = [(b"x-forwarded-for", one.encode()) for one in told]
    request = Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 1)})
    assert address_of(request, WebSettings().trusted_proxies) == "198.51.100.7"
