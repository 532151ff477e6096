"""An image from a registry onto this disk: only the blobs that are missing, several at once, each one checked.

Unpacking layers into root file systems is the sandbox's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hubkiln.concurrently import all_of
from hubkiln.errors import TooLarge, Unreachable
from hubkiln.images.documents import json_object
from hubkiln.images.interface import Descriptor, Layer, Moved
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import read_descriptor, read_layers
from hubkiln.images.names import ImageName
from hubkiln.images.registry import Document, RegistryClient
from hubkiln.images.transfer import nothing_moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What is now on disk."""

    name: ImageName
    """By digest."""
    manifest: Document
    config: Mapping[str, Any]
    """The configuration, parsed: ``["config"]`` has ``Env``, ``Entrypoint``, ``Cmd``, ``User``, ``WorkingDir``."""
    layers: tuple[Layer, ...]
    """Bottom first; their blobs are in the layout."""
    moved_bytes: int
    """How much of it was not here before."""


async def inspect(client: RegistryClient, name: ImageName) -> Pulled:
    """
    Manifest and configuration, without any layer.

    Raises:
        NotFound, AccessDenied, Unreachable, Refused, Unsupported.
    """
    manifest = await client.manifest(name)
    content = manifest.content()
    described = read_descriptor(content.get("config"))
    data = await client.read_blob(name, described)
    config = _parse(data, name)
    layers = read_layers(content, config)
    return Pulled(
        name=name.at(manifest.descriptor.digest), manifest=manifest, config=config, layers=layers, moved_bytes=0
    )


async def pull(
    client: RegistryClient,
    name: ImageName,
    layout: OciLayout,
    moved: Moved = nothing_moved,
    accept: Callable[[Pulled], None] = lambda image: None,
) -> Pulled:
    """
    Put the image into `layout`, tagged with its canonical name. Interrupted, it may be called again and goes on.

    `accept` is told what the image is before any layer is fetched, and may raise to have it left.

    Raises:
        NotFound, AccessDenied, Unreachable, Refused, Unsupported, DiskFull.
        TooLarge: its manifest promises more than the settings allow.
    """
    image = await inspect(client, name)
    total = sum(layer.descriptor.size for layer in image.layers)
    if total > client.settings.max_image_bytes:
        hint = "Ask the admin to raise the limit, or use a smaller image."
        raise TooLarge(f"{name} is {total / 1e9:.1f} GB, more than allowed here.", hint=hint)
    accept(image)
    layout.make()
    wanted = {one.descriptor.digest: one.descriptor for one in image.layers}
    missing = [blob for blob in wanted.values() if not layout.has(blob.digest, blob.size)]
    await all_of(_fetch(client, name, blob, layout, moved) for blob in missing)
    config = read_descriptor(image.manifest.content().get("config"))
    if not layout.has(config.digest, config.size):
        layout.put(await client.read_blob(name, config))
    layout.put(image.manifest.data)
    layout.tag(str(name), image.manifest.descriptor)
    return Pulled(
        name=image.name,
        manifest=image.manifest,
        config=image.config,
        layers=image.layers,
        moved_bytes=sum(blob.size for blob in missing),
    )


async def _fetch(client: RegistryClient, name: ImageName, blob: Descriptor, layout: OciLayout, moved: Moved) -> None:
    with layout.partial() as path:
        await client.download(name, blob, path, moved)
        layout.adopt(path, blob.digest)


def _parse(data: bytes, name: ImageName) -> Mapping[str, Any]:
    config = json_object(data)
    if config is None:
        raise Unreachable(
            f"The configuration of {name} cannot be read.", hint="The image is damaged; tell who made it."
        )
    return config
