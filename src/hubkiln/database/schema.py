"""Writes ``schema.sql``, the tables of a new SQLite file: ``python -m hubkiln.database.schema`` after a migration."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hubkiln.database.engine import open_database, sqlite_url
from hubkiln.database.interface import REVISION
from hubkiln.database.local import SCHEMA

_HEAD = "-- Made from the migrations by `python -m hubkiln.database.schema`, as a test checks.\n"


async def made_by_migrations() -> str:
    """The statements that make what all migrations in turn make."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db"
        await (await open_database(sqlite_url(path))).close()
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    lines = [line.rstrip() for (sql,) in rows for line in f"{sql};".splitlines()]
    return _HEAD + "\n".join([*lines, f"INSERT INTO alembic_version VALUES ('{REVISION}')"]) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(asyncio.run(made_by_migrations()))
