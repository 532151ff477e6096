"""An image in a registry that is known by what would be in it, before it is made: the tag ``<image key>`` names it."""

from __future__ import annotations

import json

from hubkiln.builds import BuildRequest, Reporter
from hubkiln.errors import BadSpec
from hubkiln.images import Descriptor, ImageName, LayerStore, RegistryClient, parse_name

DIGITS = 16
"""Digits of the image key that make a tag."""


class TaggedImage:
    """One image of a registry, there or not."""

    def __init__(
        self, request: BuildRequest, key: str, client: RegistryClient, layers: LayerStore, reporter: Reporter
    ) -> None:
        """
        `key` is the image's; `client` serves for as long as this does.

        Raises:
            BadSpec: the request does not name where to push to.
        """
        self._client, self._layers, self._reporter = client, layers, reporter
        self.name = target_name(request)
        """What was asked for: a repository, perhaps with a tag."""
        self.tag = key[:DIGITS]
        self.target = self.name.tagged(self.tag)

    async def there(self) -> Descriptor | None:
        """The image, if the registry has it."""
        return await self._client.find(self.target, push=True)

    async def again(self, found: Descriptor) -> tuple[str, dict[str, int]]:
        """Let the tag that was asked for mean the image that is there: its reference, and how the push went."""
        self._reporter.say("This image was pushed before; it is used again.\n")
        if self.name.tag is not None:
            there = await self._client.find(self.name, push=True)
            if there is None or there.digest != found.digest:
                document = await self._client.document(self.name.at(found.digest))
                await self._client.put_manifest(self.name, document.data, document.descriptor.media_type)
        layout = self._layers.layout
        layers = json.loads(layout.read(found.digest))["layers"] if layout.has(found.digest) else ()
        return self.reference(found.digest), counts(len(layers))

    async def name_it(self, manifest: bytes) -> None:
        """Let the tag that was asked for, if any, mean the image of `manifest`, which is there."""
        if self.name.tag is not None:
            await self._client.put_manifest(self.name, manifest)

    def reference(self, digest: str) -> str:
        """The image by its digest."""
        return str(self.name.at(digest))


def target_name(request: BuildRequest) -> ImageName:
    """
    Where the image goes.

    Raises:
        BadSpec: it is no name to push to.
    """
    assert request.push is not None
    name = parse_name(request.push)
    if name.digest is not None:
        raise BadSpec("An image cannot be pushed to a digest.", hint="Write REGISTRY/NAME or REGISTRY/NAME:TAG.")
    return name


def counts(total: int, mounted: int = 0, uploaded: int = 0, size: int = 0) -> dict[str, int]:
    """How a push went, for programs."""
    return {"total": total, "mounted": mounted, "uploaded": uploaded, "bytes": size}
