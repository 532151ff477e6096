"""The service's database: one engine, one set of tables, brought up to date when it is opened.

Builds and environments both keep their records here; each package speaks SQL to its own tables and to no others.
SQLite by default, PostgreSQL for several replicas; the SQL is the common part of both. The command line needs one
table of it, and opens the same file without the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.database.bell import Bell
    from hubkiln.database.columns import Moment
    from hubkiln.database.engine import Database, database_at, database_url, open_database, sqlite_url
    from hubkiln.database.interface import Statements, patiently
    from hubkiln.database.local import open_local
    from hubkiln.database.tables import build_events, build_users, environment_images
    from hubkiln.database.tables import builds as builds_table
    from hubkiln.database.tables import credentials as credentials_table
    from hubkiln.database.tables import deliveries as deliveries_table
    from hubkiln.database.tables import environments as environments_table
    from hubkiln.database.tables import launches as launches_table
    from hubkiln.database.tables import locks as locks_table
    from hubkiln.database.tables import notices as notices_table
    from hubkiln.database.tables import occasions as occasions_table
    from hubkiln.database.tables import rules as rules_table
    from hubkiln.database.tables import schedules as schedules_table
    from hubkiln.database.tables import visits as visits_table
    from hubkiln.database.tables import workers as workers_table

__all__ = [
    "Bell",
    "Database",
    "Moment",
    "Statements",
    "build_events",
    "build_users",
    "builds_table",
    "credentials_table",
    "database_at",
    "database_url",
    "deliveries_table",
    "environment_images",
    "environments_table",
    "launches_table",
    "locks_table",
    "notices_table",
    "occasions_table",
    "open_database",
    "open_local",
    "patiently",
    "rules_table",
    "schedules_table",
    "sqlite_url",
    "visits_table",
    "workers_table",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
