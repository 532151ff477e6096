"""What tests of saved environments share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hubkiln.database import Database
from hubkiln.testing.database import fresh_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one."""
    database = await fresh_database(tmp_path)
    yield database
    await database.close()
