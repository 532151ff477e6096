"""Whether anything was written since, by whichever process: what was read before need not be read again.

SQLite says so in microseconds, from memory that all who have the file open share. PostgreSQL would have to be asked
as one asks for the rows themselves.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


class Changes:
    """Counts what is written to the SQLite file at `path`; None where it is none. :meth:`close` it at the end."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def number(self) -> int | None:
        """
        Another one whenever somebody has written since; take it before reading.

        None where nobody can tell at once.
        """
        if self._path is None:
            return None
        try:
            if self._connection is None:
                address = f"file:{quote(str(self._path))}?mode=ro"
                self._connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
            with closing(self._connection.execute("PRAGMA data_version")) as rows:
                return int(rows.fetchone()[0])
        except sqlite3.Error:  # somebody else has the file for himself
            return None

    def close(self) -> None:
        """Close the file for good: whoever still reads is told that nobody can tell."""
        self._path = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
