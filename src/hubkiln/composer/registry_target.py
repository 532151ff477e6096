"""Environments in a registry: an image composed of layers, of which only those that the registry lacks are made.

The tag ``<image key>`` names what is in an image before it is made, so whether it exists is one request. A registry
that does not answer that is an error, never a reason to build.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.builds.events import Phase
from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.conda_layers import conda_pieces
from hubkiln.composer.content_tree import content_tree
from hubkiln.composer.grounds import Grounds
from hubkiln.composer.image_parts import WheelLayers, layer_key, tree_key
from hubkiln.composer.registries import Clients
from hubkiln.composer.standing import Standing
from hubkiln.composer.start import runtime_of, skeleton
from hubkiln.composer.step_rooms import StepLayer
from hubkiln.composer.story import Story
from hubkiln.composer.target import Order, Result
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec
from hubkiln.images.interface import Descriptor, Layer, Moved
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.manifest import Image, compose
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.policy import Part, Role, group
from hubkiln.images.push import Made, Piece, Pusher, Tally
from hubkiln.images.registry import RegistryClient
from hubkiln.packages import EnvironmentOnDisk, Packages

TAG = 16
"""Digits of the image key that make a tag."""

CONTENT = "the repository's files"
"""Title of the layer that every commit changes."""

SYSTEM = "apt.txt"
"""Title of the step that adds system packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What every push on this machine shares."""

    data: DataDir
    packages: Packages
    grounds: Grounds
    layers: LayerStore
    clients: Clients
    standing: Standing


class RegistryTarget:
    """See :class:`hubkiln.composer.target.Target`."""

    def __init__(self, place: Workplace) -> None:
        self._place = place

    async def make(self, order: Order, story: Story) -> Result:
        """See :class:`hubkiln.composer.target.Target`."""
        async with self._place.clients() as client:
            return await Push(self._place, order, story, client).run()

    async def outlook(self, order: Order) -> tuple[str, ...]:
        """See :class:`hubkiln.composer.target.Target`."""
        async with self._place.clients() as client:
            return await Push(self._place, order, Story(lambda event: None), client).outlook()


class Push:
    """One image on its way."""

    def __init__(self, place: Workplace, order: Order, story: Story, client: RegistryClient) -> None:
        self._place, self._order, self._story, self._client = place, order, story, client
        self._name = target_name(order.request)
        self._target = self._name.tagged(order.image_key[:TAG])
        locked = order.locked
        self._wheels = WheelLayers(
            place.data, place.packages, place.layers, locked.ground.interpreter, locked.lock.wheels, story
        )
        self._steps: tuple[StepLayer, ...] = ()
        self._environment: EnvironmentOnDisk | None = None

    async def run(self) -> Result:
        """Find the image, or make what is missing, check it, and only then name it."""
        story = self._story
        with self._wheels.open(), tempfile.TemporaryDirectory(dir=self._place.data.work, prefix="push-") as work:
            with story.phase(Phase.BUILDING):
                found = await self._client.find(self._target, push=True)
                pieces = await self._prepared(Path(work)) if found is None else []
            if found is not None:
                with story.phase(Phase.PUSHING):
                    return await self._again(found)
            fresh = [piece for piece in pieces if self._place.layers.index.get(piece.key) is None]
            image, tally = await self._pushed(pieces)
        if self._name.tag is not None:
            await self._client.put_manifest(self._name, image.manifest)
        return Result(
            image=str(self._name.at(image.digest)),
            reused=all(piece.title == CONTENT for piece in fresh),
            layers=counts(len(image.layers), tally.mounted, tally.uploaded, tally.uploaded_bytes),
        )

    async def _again(self, found: Descriptor) -> Result:
        """The image is there; let the tag that was asked for mean it."""
        self._story.say("This image was pushed before; it is used again.\n")
        if self._name.tag is not None:
            there = await self._client.find(self._name, push=True)
            if there is None or there.digest != found.digest:
                document = await self._client.document(self._name.at(found.digest))
                await self._client.put_manifest(self._name, document.data, document.descriptor.media_type)
        layout = self._place.layers.layout
        layers = json.loads(layout.read(found.digest))["layers"] if layout.has(found.digest) else ()
        return Result(image=str(self._name.at(found.digest)), reused=True, layers=counts(len(layers)))

    async def _prepared(self, work: Path) -> list[Piece]:
        """All pieces; packages are fetched and steps have run."""
        await self._wheels.look()
        if self._order.plan.needs:
            self._environment, self._steps = await self._place.standing.steps(self._order, self._story)
        return await self._pieces(work)

    async def _pushed(self, pieces: Sequence[Piece]) -> tuple[Image, Tally]:
        """Push all pieces while the check runs; the manifest comes when both are done."""
        place, story = self._place, self._story
        pusher = Pusher(self._client, self._target, place.layers.index, self._moved())
        checking = asyncio.ensure_future(
            place.standing.check(self._order, self._wheels, self._environment, self._steps, story)
        )
        try:
            with story.phase(Phase.PUSHING):
                layers = await pusher.layers(pieces)
            with story.phase(Phase.VERIFYING):
                await checking
                image = self._describe(pieces, layers)
                await pusher.image(image)
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        place.layers.layout.put(image.config)
        place.layers.layout.put(image.manifest)
        return image, pusher.tally

    async def outlook(self) -> tuple[str, ...]:
        """What :meth:`run` would do."""
        if (found := await self._client.find(self._target, push=True)) is not None:
            return (f"The image is there already: {self._name.at(found.digest)}.",)
        unknown = self._wheels.unknown()
        if unknown or self._order.plan.needs:
            megabytes = sum(wheel.size or 0 for wheel in unknown) / 1e6
            return (f"{len(unknown)} packages would be fetched ({megabytes:.1f} MB), then layers made and pushed.",)
        with tempfile.TemporaryDirectory(dir=self._place.data.work, prefix="push-") as work:
            pieces = await self._pieces(Path(work))
        missing = []
        for piece in pieces:
            known = self._place.layers.index.get(piece.key)
            if known is None or not await self._client.has_blob(self._name, known.descriptor.digest, push=True):
                missing.append(piece.title)
        there = f"{len(pieces) - len(missing)} of {len(pieces)} layers are in {self._name.repository}."
        return (there, f"Would be made or mounted: {', '.join(missing)}." if missing else "Nothing has to be made.")

    async def _pieces(self, work: Path) -> list[Piece]:
        """All layers, bottom first."""
        base, order = self._base(), self._order
        below = skeleton(order.locked.ground)
        pieces = {piece.key: piece for piece in base}
        first = self._place.layers.piece(tree_key(below), lambda: below, title="user, prefix, how to start")
        parts = [Part(key=piece.key, name=piece.title, role=Role.BASE) for piece in base]
        parts.append(Part(key=first.key, name=first.title, role=Role.SKELETON))
        pieces[first.key] = first
        for piece in await conda_pieces(self._place.packages, self._place.layers, order.locked.ground, self._story.say):
            parts.append(Part(key=piece.key, name=piece.title, role=Role.SKELETON))
            pieces[piece.key] = piece
        parts += self._wheels.parts()
        for piece in self._upper(work):
            parts.append(Part(key=piece.key, name=piece.title, role=Role.STEP))
            pieces[piece.key] = piece
        wheels = (Role.STACK, Role.WHEEL)
        return [self._wheels.piece(one) if one.role in wheels else pieces[one.key] for one in group(parts)]

    def _base(self) -> list[Piece]:
        """The base's layers: known from the start, copied from where they are if the registry lacks them."""
        ground = self._order.locked.ground
        index, found = self._place.layers.index, []
        for layer in ground.base.layers if ground.base else ():
            key = layer_key("base", layer.descriptor.digest)
            index.put(key, layer)
            if ground.source is not None and ground.source.host == self._name.host:
                index.seen(layer.descriptor.digest, self._name.host, ground.source.path)
            found.append(Piece(key=key, make=self._fetching(layer), title="base image"))
        return found

    def _fetching(self, layer: Layer) -> Callable[[], Awaitable[Made]]:
        layout, source, digest = self._place.layers.layout, self._order.locked.ground.source, layer.descriptor.digest

        async def make() -> Made:
            if source is not None and not layout.has(digest, layer.descriptor.size):
                with layout.partial() as path:
                    await self._client.download(source, layer.descriptor, path)
                    layout.adopt(path, digest)
            return Made(layer, layout.path(digest))

        return make

    def _upper(self, work: Path) -> Iterator[Piece]:
        """What lies over the packages: system packages, the repository's files, and what its own script changed."""
        system = [step for step in self._steps if step.title == SYSTEM]
        for step in system:
            yield self._step(step)
        if self._order.has_content:
            yield self._content(work)
        for step in self._steps[len(system) :]:
            yield self._step(step)

    def _step(self, step: StepLayer) -> Piece:
        below = self._steps[: self._steps.index(step)]
        key = layer_key("step", step.key, [one.key for one in below])

        async def make() -> Made:
            tree = await self._place.standing.entries(step, below, self._order, self._environment)
            return await self._place.layers.layer(key, lambda: tree, whiteouts=True)

        return Piece(key=key, make=make, title=step.title)

    def _content(self, work: Path) -> Piece:
        content = self._order.content
        key = layer_key("content", content.key, str(content.root.relative_to(content.path)))

        async def make() -> Made:
            tree = await content_tree(content, work)
            return await self._place.layers.layer(key, lambda: tree)

        return Piece(key=key, make=make, title=CONTENT)

    def _describe(self, pieces: Sequence[Piece], layers: Sequence[Layer]) -> Image:
        base = self._order.locked.ground.base
        count = len(base.layers) if base else 0
        titled = [(layer, piece.title) for layer, piece in zip(layers, pieces, strict=True)]
        return compose(base, titled[count:], runtime_of(self._order))

    def _moved(self) -> Moved:
        done: dict[str, int] = {}
        sizes: dict[str, int] = {}

        def moved(digest: str, now: int, total: int) -> None:
            done[digest], sizes[digest] = now, total
            self._story.progress(sum(done.values()), sum(sizes.values()))

        return moved


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
