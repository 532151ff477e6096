"""An image into a registry, by the cheapest way for each layer: there already, mounted, or made and uploaded.

A layer whose key is known costs one HEAD or one mount; only what the registry really lacks is made. Blobs first, then
the configuration, then the manifest, so a push that dies leaves nothing that looks like an image, and the next one
finds what is there and ends with the same digest.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.concurrently import all_of
from hubkiln.images.interface import Descriptor, Layer, Moved
from hubkiln.images.layer_index import LayerIndex
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import Image, read_descriptor
from hubkiln.images.names import ImageName
from hubkiln.images.registry import RegistryClient
from hubkiln.images.transfer import nothing_moved


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """A layer and the file that holds its blob."""

    layer: Layer
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyLayer:
    """A layer to be had: known by its key, made only where the registry lacks it."""

    key: str
    make: Callable[[], Awaitable[MadeLayer]]
    """Makes the blob; may be called once, for many lazy layers at the same time. The file is the caller's."""
    title: str = ""
    """For the image's history."""


@dataclass(slots=True)
class Tally:
    """How the layers of a push came to be there."""

    present: int = 0
    mounted: int = 0
    uploaded: int = 0
    uploaded_bytes: int = 0


class Pusher:
    """Pushes to one repository; keeps a tally."""

    def __init__(
        self, client: RegistryClient, target: ImageName, index: LayerIndex, moved: Moved = nothing_moved
    ) -> None:
        self._client, self._target, self._index, self._moved = client, target, index, moved
        self.tally = Tally()

    async def layers(self, lazy_layers: Sequence[LazyLayer]) -> list[Layer]:
        """
        All lazy layers as layers that the target repository holds, in the order given.

        Raises:
            AccessDenied, Unreachable, Refused, ServiceError; and what a lazy layer's `make` raises.
        """
        return await all_of(self._layer(lazy) for lazy in lazy_layers)

    async def image(self, image: Image) -> str:
        """
        Store configuration and manifest, by digest and by the target's tag; returns the digest.

        Raises:
            as :meth:`layers`.
        """
        await self.blob(image.config_descriptor, image.config)
        return await self.manifest(image.manifest, image.descriptor)

    async def manifest(self, data: bytes, descriptor: Descriptor) -> str:
        """Store a manifest whose blobs are there, by digest and by the target's tag; returns the digest."""
        await self._client.put_manifest(self._target.at(descriptor.digest), data, descriptor.media_type)
        if self._target.tag:
            await self._client.put_manifest(self._target.tagged(self._target.tag), data, descriptor.media_type)
        return descriptor.digest

    async def blob(self, blob: Descriptor, source: Path | bytes) -> None:
        """See that the target holds `blob`, uploading it from `source` if nothing cheaper will do."""
        if not await self._there(blob):
            await self._client.upload(self._target, blob, source, self._moved)
            self.tally.uploaded += 1
            self.tally.uploaded_bytes += blob.size
            self._index.seen(blob.digest, self._target.host, self._target.path)

    async def _layer(self, lazy: LazyLayer) -> Layer:
        known = self._index.get(lazy.key)
        if known is not None and await self._there(known.descriptor):
            return known
        made = await lazy.make()
        self._index.put(lazy.key, made.layer)
        await self.blob(made.layer.descriptor, made.path)
        return made.layer

    async def _there(self, blob: Descriptor) -> bool:
        """True if the target holds the blob, now or by mounting it from where it was seen."""
        homes = self._index.homes(blob.digest, self._target.host)
        if self._target.path in homes or not homes:
            return await self._present(blob) or await self._mounted(blob, homes)
        return await self._mounted(blob, homes) or await self._present(blob)  # never seen here: mounting is one request

    async def _present(self, blob: Descriptor) -> bool:
        if not await self._client.has_blob(self._target, blob.digest, push=True):
            return False
        self.tally.present += 1
        self._index.seen(blob.digest, self._target.host, self._target.path)
        return True

    async def _mounted(self, blob: Descriptor, homes: Sequence[str]) -> bool:
        for source in homes:
            if source != self._target.path and await self._client.mount(self._target, blob.digest, source):
                self.tally.mounted += 1
                self._index.seen(blob.digest, self._target.host, self._target.path)
                return True
        return False


async def push_from_layout(pusher: Pusher, layout: OciLayout, manifest: Descriptor) -> str:
    """
    Push an image that lies whole in `layout`; returns its digest.

    Raises:
        NotFound: a blob is not in the layout; otherwise as :meth:`Pusher.layers`.
    """
    data = layout.read(manifest.digest)
    content = json.loads(data)
    blobs = [read_descriptor(content.get("config")), *map(read_descriptor, content.get("layers", ()))]
    await all_of(pusher.blob(blob, layout.path(blob.digest)) for blob in {one.digest: one for one in blobs}.values())
    return await pusher.manifest(data, manifest)
