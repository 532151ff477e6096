"""The service's database: one engine, one set of tables, brought up to date when it is opened.

Builds and environments both keep their records here; each package speaks SQL to its own tables and to no others.
SQLite by default, PostgreSQL for several replicas; the SQL is the common part of both. The command line needs one
table of it, and opens the same file without the engine.
"""
