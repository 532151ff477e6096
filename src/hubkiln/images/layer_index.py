"""What layer a key gave last time, and in which repositories it was seen: so that a known layer is never made again.

The index is a hint. A registry may have forgotten a blob, so whoever uses an entry asks the registry first
(:mod:`hubkiln.images.push`); a lost index costs time, never correctness.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hubkiln.images.interface import Descriptor, Layer

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layers (
  key TEXT PRIMARY KEY, media_type TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  diff_id TEXT NOT NULL, annotations TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS homes (
  digest TEXT NOT NULL, host TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (digest, host, path)
) WITHOUT ROWID;
"""
_MOST_HOMES = 4  # repositories to try to mount from; more are not worth the requests


class LayerIndex(Protocol):
    """Remembers layers by key."""

    def get(self, key: str) -> Layer | None:
        """The layer that `key` gave, or None."""

    def put(self, key: str, layer: Layer) -> None:
        """Remember it, in place of what was known before."""

    def homes(self, digest: str, host: str) -> list[str]:
        """Repository paths of `host` that were seen to hold the blob, a few at most."""

    def seen(self, digest: str, host: str, path: str) -> None:
        """Remember that a repository holds the blob."""

    def close(self) -> None:
        """It is not used any more."""


class InMemoryLayerIndex:
    """For one process."""

    def __init__(self) -> None:
        self._layers: dict[str, Layer] = {}
        self._homes: dict[tuple[str, str], list[str]] = {}

    def get(self, key: str) -> Layer | None:
        """See :class:`LayerIndex`."""
        return self._layers.get(key)

    def put(self, key: str, layer: Layer) -> None:
        """See :class:`LayerIndex`."""
        self._layers[key] = layer

    def homes(self, digest: str, host: str) -> list[str]:
        """See :class:`LayerIndex`."""
        return self._homes.get((digest, host), [])[:_MOST_HOMES]

    def seen(self, digest: str, host: str, path: str) -> None:
        """See :class:`LayerIndex`."""
        others = [one for one in self._homes.get((digest, host), []) if one != path]
        self._homes[digest, host] = [path, *others]

    def close(self) -> None:
        """See :class:`LayerIndex`."""


class SqliteLayerIndex:
    """A file that several builders of one machine may use at once. Calls take well under a millisecond."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def get(self, key: str) -> Layer | None:
        """See :class:`LayerIndex`."""
        query = "SELECT media_type, digest, size, annotations, diff_id FROM layers WHERE key = ?"
        with self._using() as database:
            row = database.execute(query, (key,)).fetchone()
        if row is None:
            return None
        media_type, digest, size, annotations, diff_id = row
        blob = Descriptor(media_type=media_type, digest=digest, size=size, annotations=json.loads(annotations))
        return Layer(descriptor=blob, diff_id=diff_id)

    def put(self, key: str, layer: Layer) -> None:
        """See :class:`LayerIndex`."""
        blob = layer.descriptor
        row = (
            key,
            blob.media_type,
            blob.digest,
            blob.size,
            layer.diff_id,
            json.dumps(blob.annotations, sort_keys=True),
        )
        with self._using() as database:
            database.execute("INSERT OR REPLACE INTO layers VALUES (?, ?, ?, ?, ?, ?)", row)

    def homes(self, digest: str, host: str) -> list[str]:
        """See :class:`LayerIndex`."""
        query = "SELECT path FROM homes WHERE digest = ? AND host = ? LIMIT ?"
        with self._using() as database:
            return [path for (path,) in database.execute(query, (digest, host, _MOST_HOMES))]

    def seen(self, digest: str, host: str, path: str) -> None:
        """See :class:`LayerIndex`."""
        with self._using() as database:
            database.execute("INSERT OR IGNORE INTO homes VALUES (?, ?, ?)", (digest, host, path))

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._database
