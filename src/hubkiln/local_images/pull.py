"""Any image by its name: fetched from its registry, unpacked, and described so that a sandbox can run it.

A tag is looked up again each time, since it may have moved. When the registry cannot be asked, an image that is
already here is used and that is said; when the registry says that there is no such image, there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from hubkiln.data_dir import DataDir
from hubkiln.errors import DiskFull, NotFound, ServiceError, Unsupported
from hubkiln.images import (
    DOCKER_LAYER_GZIP,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    Clients,
    Document,
    ImageName,
    Layer,
    OciLayout,
    PulledImage,
    RegistryClient,
    parse_name,
    pull_image,
    read_descriptor,
    read_layers,
)
from hubkiln.local_images.config import check_platform, image_of_config
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import places_of
from hubkiln.local_images.store import REGISTRY, LocalImages
from hubkiln.local_images.unpacked import UnpackedLayers
from hubkiln.local_images.work_folder import in_use
from hubkiln.sandbox import HasIdentity
from hubkiln.stores import lease
from hubkiln.turns import Turns
from hubkiln.values import Say

Progress = Callable[[int, int], None]
"""Bytes done, bytes in all."""

_LAYERS = frozenset(
    {
        OCI_LAYER,
        OCI_LAYER_GZIP,
        OCI_LAYER_ZSTD,
        DOCKER_LAYER_GZIP,
    }
)


class Pulled:
    """Images of registries, on this machine."""

    def __init__(self, data: DataDir, engine: HasIdentity, clients: Clients) -> None:
        self._data, self._clients = data, clients
        self._images, self._layout = LocalImages(data.own("images/documents")), OciLayout(data.layers)
        self._layers = UnpackedLayers(data.own("images/layers"), engine.identity)
        self._turns = Turns()

    async def pull(self, reference: str, say: Say, progress: Progress) -> tuple[str, LocalImage]:
        """
        The image that `reference` names, and its local reference; only what is not here is fetched and unpacked.

        Raises:
            BadSpec: it is no image name.
            NotFound, AccessDenied, Refused: the registry has no such image, or it may not be asked.
            Unsupported: an image that cannot run here.
            Unreachable, TooLarge, DiskFull, ServiceError.
        """
        name = parse_name(reference)
        if name.host == REGISTRY:
            raise NotFound(f"There is no image {reference} in any registry.", hint="It names an image of one machine.")
        async with self._turns.of(str(name)):
            with in_use(self._data), lease(self._data.root, f"a pull of {name}"):
                image, rootfs = await self._unpacked(name, say, progress)
                if not rootfs:
                    raise Unsupported(f"The image {name} holds no files.", hint="Choose another image.")
                made = image_of_config(image.name, image.config, rootfs, places_of(self._data.rooms, rootfs))
                return self._images.put(made), made

    async def _unpacked(self, name: ImageName, say: Say, progress: Progress) -> tuple[PulledImage, tuple[str, ...]]:
        async with self._clients() as client:
            image = await _Fetch(client, name, self._layout, say, progress).run()
        return image, await self._layers.ensure(image.layers, self._layout, say)


@dataclass
class _Fetch:
    """One image on its way into the layout."""

    client: RegistryClient
    name: ImageName
    layout: OciLayout
    say: Say
    progress: Progress
    total: int = 0
    done: dict[str, int] = field(default_factory=dict)
    resolved: bool = False
    """Whether the registry has told what the name means now."""

    async def run(self) -> PulledImage:
        kept = self._kept()
        try:
            if kept is not None and self.name.digest:
                return await self._still(kept)
            return await pull_image(self.client, self.name, self.layout, self._moved, self._accept)
        except DiskFull:
            raise
        except ServiceError as error:
            if kept is None or self.resolved:
                raise
            self.say(f"{error.message} The copy of {self.name} that is already here is used.\n")
            return kept

    async def _still(self, kept: PulledImage) -> PulledImage:
        """A digest means the same for ever; asking only tells whether we may still have it."""
        if await self.client.find(self.name) is None:
            self.say(f"{self.name.host} no longer has {self.name}; the copy that is already here is used.\n")
        return kept

    def _accept(self, image: PulledImage) -> None:
        self.resolved = True
        check_platform(self.name, image.config)
        _check_layers(self.name, image.layers)
        sizes = {layer.descriptor.digest: layer.descriptor.size for layer in image.layers}
        missing = sum(size for digest, size in sizes.items() if not self.layout.has(digest, size))
        self.total = missing
        self.say(
            f"{self.name} is {image.name.digest}: {len(image.layers)} layers, {sum(sizes.values()) / 1e6:.1f} MB"
            + (f", {missing / 1e6:.1f} MB of it to fetch.\n" if missing else "; all of it is here.\n")
        )

    def _moved(self, digest: str, done: int, total: int) -> None:
        self.done[digest] = done
        self.progress(sum(self.done.values()), self.total)

    def _kept(self) -> PulledImage | None:
        """What the name meant when it was last pulled, if all of that is still here."""
        found = self.layout.find(str(self.name))
        if found is None or not self.layout.has(found.digest):
            return None
        try:
            manifest = Document(found, self.layout.read(found.digest))
            config = json.loads(self.layout.read(read_descriptor(manifest.content().get("config")).digest))
            layers = read_layers(manifest.content(), config)
        except (NotFound, ServiceError, Unsupported, ValueError):
            return None
        if not all(self.layout.has(layer.descriptor.digest, layer.descriptor.size) for layer in layers):
            return None
        at = self.name.at(found.digest)
        return PulledImage(name=at, manifest=manifest, config=config, layers=layers, moved_bytes=0)


def _check_layers(name: ImageName, layers: tuple[Layer, ...]) -> None:
    for layer in layers:
        kind = layer.descriptor.media_type
        if kind in _LAYERS:
            continue
        if "encrypted" in kind:
            raise Unsupported(f"The image {name} is encrypted.", hint="Choose an image that is not.")
        raise Unsupported(
            f"The image {name} has a layer of a kind that cannot be unpacked ({kind[:80] or 'no type'}).",
            hint="Choose another image.",
        )
