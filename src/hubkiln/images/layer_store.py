"""Layers made here: blobs in an OCI layout, an index from key to layer, and no layer made twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from hubkiln.images.interface import Layer
from hubkiln.images.layer_index import LayerIndex
from hubkiln.images.layers import pack_layer, write_layer
from hubkiln.images.layout import OciLayout
from hubkiln.images.push import LazyLayer, MadeLayer
from hubkiln.trees import Entry
from hubkiln.turns import Turns

Entries = Callable[[], Iterable[Entry]]
"""Plans a layer's tree; called in a thread, and only if the layer has to be made."""


class LayerStore:
    """Makes layers on demand; shared by all builds of a process."""

    def __init__(self, layout: OciLayout, index: LayerIndex, *, at_once: int = 2) -> None:
        self.layout = layout.make()
        self.index = index
        self._slots = asyncio.Semaphore(at_once)
        self._turns = Turns()

    async def layer(self, key: str, entries: Entries, *, whiteouts: bool = False) -> MadeLayer:
        """
        The layer of `key`, its blob on this disk; made from `entries` if it is not there yet.

        Raises:
            BuildFailed, DiskFull: as :func:`hubkiln.images.layers.write_layer`; and what `entries` raises.
        """
        return await self._once(key, lambda path: write_layer(entries(), path, whiteouts=whiteouts))

    async def packed(self, key: str, tar: Path) -> MadeLayer:
        """The layer of `key`, made from the plain `tar` if it is not there yet; raises as :func:`pack_layer`."""
        return await self._once(key, lambda path: pack_layer(tar, path))

    async def _once(self, key: str, write: Callable[[Path], Layer]) -> MadeLayer:
        async with self._turns.of(key):
            if (made := self._known(key)) is not None:
                return made
            async with self._slots:
                made = await asyncio.to_thread(self._make, write)
            self.index.put(key, made.layer)
            return made

    def lazy(self, key: str, entries: Entries, *, title: str = "", whiteouts: bool = False) -> LazyLayer:
        """The same, to be made only if a registry lacks it."""
        return LazyLayer(key=key, make=lambda: self.layer(key, entries, whiteouts=whiteouts), title=title)

    def _known(self, key: str) -> MadeLayer | None:
        layer = self.index.get(key)
        if layer is None or not self.layout.has(layer.descriptor.digest, layer.descriptor.size):
            return None
        return MadeLayer(layer, self.layout.path(layer.descriptor.digest))

    def _make(self, write: Callable[[Path], Layer]) -> MadeLayer:
        with self.layout.partial() as path:
            layer = write(path)
            return MadeLayer(layer, self.layout.adopt(path, layer.descriptor.digest))
