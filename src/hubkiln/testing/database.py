"""A real database in a folder of a test's own, its tables made once per process and copied."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hubkiln.database import Database, open_database, sqlite_url

_template: bytes | None = None


async def fresh_database(folder: Path) -> Database:
    """An empty database in `folder`, ready for use; close it at the end."""
    global _template
    if _template is None:
        with tempfile.TemporaryDirectory() as made:
            path = Path(made) / "template.sqlite"
            await (await open_database(sqlite_url(path))).close()
            _template = path.read_bytes()
    path = folder / "hubkiln.sqlite"
    path.write_bytes(_template)
    return await open_database(sqlite_url(path))
