"""Images on disk in the OCI layout: ``blobs/sha256/…`` and ``index.json``, which every other tool can read.

Blobs appear whole or not at all, named by what they hold, so two builders who make the same one do no harm. The index
is changed under a lock and replaced in one step.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkiln.errors import NotFound, ServiceError
from hubkiln.folders import write_whole
from hubkiln.images import failures
from hubkiln.images.interface import Descriptor
from hubkiln.images.manifest import canonical, descriptor_json, read_descriptor
from hubkiln.stores import use

_NAME = "org.opencontainers.image.ref.name"
_STALE = 24 * 3600  # seconds after which an unfinished blob has no builder any more


class OciLayout:
    """One folder; made at first use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / ".partial"

    def make(self) -> OciLayout:
        """Make the folders, and drop what dead builders left; returns itself."""
        with failures.disk("images"):
            (self.root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
            self._partial.mkdir(exist_ok=True)
            marker = self.root / "oci-layout"
            if not marker.exists():
                write_whole(marker, b'{"imageLayoutVersion":"1.0.0"}')
        for left in self._partial.iterdir():
            if left.stat().st_mtime < time.time() - _STALE:
                left.unlink(missing_ok=True)
        return self

    def path(self, digest: str) -> Path:
        """Where the blob is or would be."""
        return self.root / "blobs" / digest.replace(":", "/")

    def has(self, digest: str, size: int | None = None) -> bool:
        """True if the blob is here, with that size if one is given."""
        use(self.root.parent, self.path(digest))
        try:
            found = self.path(digest).stat().st_size
        except FileNotFoundError:
            return False
        return size is None or found == size

    def read(self, digest: str) -> bytes:
        """
        A document's bytes, checked.

        Raises:
            NotFound: it is not here.
            ServiceError: it is damaged.
        """
        use(self.root.parent, self.path(digest))
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{digest[:19]} is not among the images on disk.") from error
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            self.path(digest).unlink(missing_ok=True)
            raise ServiceError(
                f"{digest[:19]} on disk was damaged, and has been removed.",
                hint="Try again; it will be fetched or made again.",
            )
        return data

    def put(self, data: bytes) -> str:
        """Store a document; returns its digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if not self.has(digest, len(data)):
            with failures.disk("images"):
                write_whole(self.path(digest), data)
        return digest

    @contextmanager
    def partial(self) -> Iterator[Path]:
        """A path for a blob in the making; give it to :meth:`adopt`. What is not adopted is removed at the end."""
        path = self._partial / secrets.token_hex(8)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def adopt(self, path: Path, digest: str) -> Path:
        """Move a finished file in as the blob `digest`, which the caller has checked; returns where it is."""
        target = self.path(digest)
        os.utime(path)
        path.replace(target)
        return target

    def tag(self, name: str, manifest: Descriptor) -> None:
        """Let `name` mean `manifest`, whatever it meant before."""
        with self._index() as entries:
            entries[:] = [one for one in entries if _named(one) != name]
            entries.append(descriptor_json(manifest) | {"annotations": {**manifest.annotations, _NAME: name}})

    def untag(self, digest: str) -> None:
        """Forget every name of the manifest `digest`; its blobs stay."""
        if all(one.get("digest") != digest for one in self._entries()):
            return
        with self._index() as entries:
            entries[:] = [one for one in entries if one.get("digest") != digest]

    def find(self, name: str) -> Descriptor | None:
        """What `name` means."""
        entry = next((one for one in self._entries() if _named(one) == name), None)
        if entry is None:
            return None
        found = read_descriptor(entry)
        return replace(found, annotations={key: value for key, value in found.annotations.items() if key != _NAME})

    def names(self) -> list[str]:
        """Everything tagged, sorted."""
        return sorted(name for one in self._entries() if (name := _named(one)))

    def _entries(self) -> list[dict[str, Any]]:
        try:
            manifests = json.loads((self.root / "index.json").read_bytes())["manifests"]
        except FileNotFoundError:
            return []
        except (ValueError, LookupError, TypeError) as error:
            raise ServiceError(
                "The index of images on disk is damaged.", hint=f"Look at {self.root / 'index.json'}."
            ) from error
        return [one for one in manifests if isinstance(one, dict)]

    @contextmanager
    def _index(self) -> Iterator[list[dict[str, Any]]]:
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self._entries()
            yield entries
            entries.sort(key=_named)
            with failures.disk("images"):
                write_whole(self.root / "index.json", canonical({"schemaVersion": 2, "manifests": entries}))


def _named(entry: dict[str, Any]) -> str:
    notes = entry.get("annotations")
    return str(notes.get(_NAME, "")) if isinstance(notes, dict) else ""
