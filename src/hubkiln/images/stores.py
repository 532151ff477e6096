"""The blobs of a layout, as those who collect see them: a manifest needs its configuration and its layers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.images.documents import json_object
from hubkiln.images.layout import OciLayout
from hubkiln.stores import Ref, Root, Store, Thing, Trash, disk_bytes

_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest; more is refused when it is pulled."""


def image_stores(data: DataDir) -> tuple[Store, ...]:
    """Blobs of images that were composed or pulled here."""
    return (BlobStore(data.root, OciLayout(data.layers)),)


def tagged_roots(data: DataDir, beginning: str, why: str) -> Iterator[Root]:
    """The images whose tag has that `beginning`."""
    layout = OciLayout(data.layers)
    for name in layout.names():
        if name.startswith(beginning) and (found := layout.find(name)) is not None:
            yield Root(Ref("layers", found.digest.removeprefix("sha256:")), why.format(name))


@dataclass(frozen=True, slots=True)
class BlobStore:
    """See :class:`hubkiln.stores.Store`; a key is a digest without its ``sha256:``."""

    root: Path
    layout: OciLayout
    name: str = "layers"
    fixed: bool = True

    @property
    def folder(self) -> Path:
        """The layout's."""
        return self.layout.root

    def things(self) -> Iterator[Thing]:
        """See :class:`hubkiln.stores.Store`."""
        try:
            entries = os.scandir(self._path("").parent / "sha256")
        except FileNotFoundError:
            return
        with entries:
            yield from sorted((Thing(entry.name, entry.stat().st_mtime) for entry in entries), key=lambda one: one.key)

    def used(self, key: str) -> float | None:
        """See :class:`hubkiln.stores.Store`."""
        try:
            return self._path(key).stat().st_mtime
        except FileNotFoundError:
            return None

    def needs(self, key: str) -> Iterable[Ref]:
        """See :class:`hubkiln.stores.Store`."""
        try:
            with self._path(key).open("rb") as file:
                if file.read(1) != b"{" or os.fstat(file.fileno()).st_size > _LARGEST:
                    return []
                document = json_object(b"{" + file.read()) or {}
            named = [document["config"], *document["layers"]] if "config" in document else document["manifests"]
            return [Ref(self.name, str(one["digest"]).removeprefix("sha256:")) for one in named]
        except (OSError, ValueError, LookupError, TypeError):
            return []

    def size(self, key: str) -> int:
        """See :class:`hubkiln.stores.Store`."""
        return disk_bytes(self._path(key))

    def drop(self, key: str) -> None:
        """See :class:`hubkiln.stores.Store`; tags that mean it go first."""
        self.layout.untag(f"sha256:{key}")
        Trash(self.root).take(self._path(key))

    def _path(self, key: str) -> Path:
        return self.layout.path(f"sha256:{key}")
