"""A real database in a folder of a test's own, its tables made once per process and copied."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

from hubkiln.database import Database, open_database, sqlite_url

_template: bytes | None = None
_compiled: dict[Any, Any] = {}


class _Alike(SQLiteDialect_aiosqlite):
    """SQLite's dialect, where statements compiled for one engine hold for all: a third of what such tests take."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Let `engine` look where all look."""
        engine.update_execution_options(compiled_cache=_compiled)


registry.register("sqlite.alike", __name__, _Alike.__name__)


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
    url = make_url(sqlite_url(path)).set(drivername="sqlite+alike")
    return await open_database(url.render_as_string())
