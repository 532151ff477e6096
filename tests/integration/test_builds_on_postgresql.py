"""What holds for builds on SQLite holds on a real PostgreSQL: the same tests, run again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hubkiln.database.engine import Database, open_database
from hubkiln.database.tables import metadata
from postgresql import throw_away_server
from unit.builds.conftest import start as start
from unit.builds.test_claims import *  # noqa: F403
from unit.builds.test_jobs import *  # noqa: F403
from unit.builds.test_joining import *  # noqa: F403
from unit.builds.test_quotas import *  # noqa: F403
from unit.builds.test_workers import *  # noqa: F403
from unit.builds.test_writer import *  # noqa: F403

pytest.importorskip("asyncpg")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a PostgreSQL."""
    with throw_away_server() as url:
        yield url


@pytest_asyncio.fixture
async def database(server: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database, in place of the SQLite file that those tests have else."""
    database = await open_database(server)
    async with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
    yield database
    await database.close()
