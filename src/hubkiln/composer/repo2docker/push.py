"""An image that repo2docker made goes to a registry: its own layers, how to start, and the repository's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hubkiln.builds import Reporter
from hubkiln.composer.repo2docker.beside import BESIDE
from hubkiln.composer.repo2docker.entrypoint import Started, repo2docker_runtime, starting, starting_key
from hubkiln.composer.repo2docker.export import ExportedImage
from hubkiln.composer.repo2docker.order import Repo2dockerOrder
from hubkiln.composer.targets import Patience, Result, TaggedImage, content_layer, counts, layer_key, tree_key
from hubkiln.images import (
    OCI_LAYER,
    Descriptor,
    Image,
    LayerStore,
    LazyLayer,
    MadeLayer,
    ParentImage,
    Pusher,
    RegistryClient,
    compose_image,
)


class Repo2dockerPush:
    """One image on its way, or there already: the tag ``<image key>`` names it before it is made."""

    def __init__(
        self,
        order: Repo2dockerOrder,
        client: RegistryClient,
        layers: LayerStore,
        patience: Patience,
        reporter: Reporter,
        *,
        hidden: Sequence[Path],
    ) -> None:
        self._order, self._client, self._layers = order, client, layers
        self._patience, self._say, self._hidden = patience, reporter.say, hidden
        key = layer_key("image", order.image_key, starting_key(), BESIDE)
        self._image = TaggedImage(order.request, key, client, layers, reporter)

    async def there(self) -> Descriptor | None:
        """The image, if the registry has it."""
        return await self._image.there()

    async def again(self, found: Descriptor) -> Result:
        """Let the tag that was asked for mean the image that is there."""
        image, layers = await self._patience.run(lambda: self._image.again(found), self._say)
        return self._order.result(image, reused=True, layers=layers, tag=self._image.tag)

    def held(self, diff_ids: Sequence[str]) -> set[str]:
        """Those of the layers that were pushed or packed before."""
        return {one for one in diff_ids if self._layers.index.get(packed_key(one)) is not None}

    async def run(
        self, image: ExportedImage, work: Path, started: Started, *, server: Sequence[LazyLayer], with_content: bool
    ) -> Result:
        """Push `image` and the layers of a `server` beside it; `started` so, once the repository was delivered."""
        count, config = len(image.parent.layers), image.parent.config
        lazy_layers = [*(self._packed(image, number) for number in range(count)), *server, self._starting()]
        if with_content:
            lazy_layers.append(content_layer(self._order.content, self._layers, work, hidden=self._hidden))
        pusher = Pusher(self._client, self._image.target, self._layers.index, lambda digest, done, total: None)

        async def once() -> Image:
            layers = await pusher.layers(lazy_layers)
            added = [(layer, lazy.title) for layer, lazy in zip(layers, lazy_layers, strict=True)][count:]
            parent = ParentImage(layers=tuple(layers[:count]), config=config)
            composed = compose_image(parent, added, repo2docker_runtime(self._order, config, started))
            await pusher.image(composed)
            await self._image.name_it(composed.manifest)
            return composed

        composed = await self._patience.run(once, self._say)
        tally = pusher.tally
        result = counts(len(lazy_layers), tally.mounted, tally.uploaded, tally.uploaded_bytes)
        image_by_digest = self._image.reference(composed.digest)
        return self._order.result(image_by_digest, reused=False, layers=result, tag=self._image.tag)

    def _packed(self, image: ExportedImage, number: int) -> LazyLayer:
        """A layer as a registry wants it: compressed, by the engine or by us."""
        layer = image.parent.layers[number]
        key = packed_key(layer.diff_id)

        async def make() -> MadeLayer:
            blob = await image.layer(number)
            if layer.descriptor.media_type != OCI_LAYER:
                return MadeLayer(layer, blob)
            return await self._layers.packed(key, blob)

        return LazyLayer(key=key, make=make, title="repo2docker")

    def _starting(self) -> LazyLayer:
        tree = starting()
        return self._layers.lazy(tree_key(tree), lambda: tree, title="how to start")


def packed_key(diff_id: str) -> str:
    """Of a layer that an engine made."""
    return layer_key("foreign", diff_id)
