"""Environments in a registry: an image composed of layers, of which only those that the registry lacks are made.

The tag ``<image key>`` names what is in an image before it is made, so whether it exists is one request. A registry
that does not answer that is an error, never a reason to build.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from hubkiln.builds import BuildRequest, Phase, Reporter
from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.targets.entrypoint import runtime_of
from hubkiln.composer.targets.interface import Order, Result
from hubkiln.composer.targets.layers import CONTENT, ImageLayers, PushTools
from hubkiln.composer.targets.wheel_layers import WheelLayers
from hubkiln.errors import BadSpec
from hubkiln.images import (
    Descriptor,
    Image,
    ImageName,
    Layer,
    LazyLayer,
    Moved,
    Pusher,
    RegistryClient,
    Tally,
    compose_image,
    parse_name,
)
from hubkiln.packages import EnvironmentOnDisk

TAG = 16
"""Digits of the image key that make a tag."""


class RegistryTarget:
    """See :class:`hubkiln.composer.targets.interface.Target`."""

    def __init__(self, tools: PushTools) -> None:
        self._tools = tools

    async def make(self, order: Order, reporter: Reporter) -> Result:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        async with self._tools.clients() as client:
            return await Push(self._tools, order, reporter, client).run()

    async def dry_run(self, order: Order) -> tuple[str, ...]:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        async with self._tools.clients() as client:
            return await Push(self._tools, order, Reporter(lambda event: None), client).dry_run()


class Push:
    """One image on its way."""

    def __init__(self, tools: PushTools, order: Order, reporter: Reporter, client: RegistryClient) -> None:
        self._tools, self._order, self._reporter, self._client = tools, order, reporter, client
        self._name = target_name(order.request)
        self._target = self._name.tagged(order.image_key[:TAG])
        locked = order.locked
        self._wheels = WheelLayers(
            tools.data, tools.packages, tools.layers, locked.base.interpreter, locked.lock.wheels, reporter
        )
        self._steps: tuple[StepLayer, ...] = ()
        self._environment: EnvironmentOnDisk | None = None

    async def run(self) -> Result:
        """Find the image, or make what is missing, check it, and only then name it."""
        async with AsyncExitStack() as opened:
            with self._reporter.phase(Phase.BUILDING):
                found = await self._client.find(self._target, push=True)
                lazy_layers = await self._prepared(opened) if found is None else []
            if found is not None:
                with self._reporter.phase(Phase.PUSHING):
                    return await self._again(found)
            fresh = [lazy for lazy in lazy_layers if self._tools.layers.index.get(lazy.key) is None]
            image, tally = await self._pushed(lazy_layers)
        if self._name.tag is not None:
            await self._client.put_manifest(self._name, image.manifest)
        return Result(
            image=str(self._name.at(image.digest)),
            reused=all(lazy.title == CONTENT for lazy in fresh),
            layers=counts(len(image.layers), tally.mounted, tally.uploaded, tally.uploaded_bytes),
        )

    async def _again(self, found: Descriptor) -> Result:
        """The image is there; let the tag that was asked for mean it."""
        self._reporter.say("This image was pushed before; it is used again.\n")
        if self._name.tag is not None:
            there = await self._client.find(self._name, push=True)
            if there is None or there.digest != found.digest:
                document = await self._client.document(self._name.at(found.digest))
                await self._client.put_manifest(self._name, document.data, document.descriptor.media_type)
        layout = self._tools.layers.layout
        layers = json.loads(layout.read(found.digest))["layers"] if layout.has(found.digest) else ()
        return Result(image=str(self._name.at(found.digest)), reused=True, layers=counts(len(layers)))

    async def _prepared(self, opened: AsyncExitStack) -> list[LazyLayer]:
        """All layers; packages are fetched and steps have run. What they need for as long as they do is `opened`."""
        work = opened.enter_context(tempfile.TemporaryDirectory(dir=self._tools.data.work, prefix="push-"))
        await opened.enter_async_context(self._wheels.open())
        if self._wheels.unknown():  # then the check is new too, and needs the base
            await opened.enter_async_context(self._tools.bases.ahead(self._order.locked.base, self._reporter.say))
        await self._wheels.look()
        if self._order.plan.needs:
            self._environment, self._steps = await self._tools.steps(self._order, self._reporter)
        return await self._image(Path(work)).lazy_layers()

    async def _pushed(self, lazy_layers: Sequence[LazyLayer]) -> tuple[Image, Tally]:
        """Push all lazy layers while the check runs; the manifest comes when both are done."""
        tools, reporter = self._tools, self._reporter
        pusher = Pusher(self._client, self._target, tools.layers.index, self._moved())
        checking = asyncio.ensure_future(
            tools.smoke_test.check(self._order, self._wheels, self._environment, self._steps, reporter)
        )
        try:
            with reporter.phase(Phase.PUSHING):
                layers = await pusher.layers(lazy_layers)
            with reporter.phase(Phase.VERIFYING):
                await checking
                image = self._describe(lazy_layers, layers)
                await pusher.image(image)
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        tools.layers.layout.put(image.config)
        tools.layers.layout.put(image.manifest)
        return image, pusher.tally

    async def dry_run(self) -> tuple[str, ...]:
        """What :meth:`run` would do."""
        if (found := await self._client.find(self._target, push=True)) is not None:
            return (f"The image is there already: {self._name.at(found.digest)}.",)
        unknown = self._wheels.unknown()
        if unknown or self._order.plan.needs:
            megabytes = sum(wheel.size or 0 for wheel in unknown) / 1e6
            return (f"{len(unknown)} packages would be fetched ({megabytes:.1f} MB), then layers made and pushed.",)
        with tempfile.TemporaryDirectory(dir=self._tools.data.work, prefix="push-") as work:
            lazy_layers = await self._image(Path(work)).lazy_layers()
        missing = []
        for lazy in lazy_layers:
            known = self._tools.layers.index.get(lazy.key)
            if known is None or not await self._client.has_blob(self._name, known.descriptor.digest, push=True):
                missing.append(lazy.title)
        there = f"{len(lazy_layers) - len(missing)} of {len(lazy_layers)} layers are in {self._name.repository}."
        return (there, f"Would be made or mounted: {', '.join(missing)}." if missing else "Nothing has to be made.")

    def _image(self, work: Path) -> ImageLayers:
        return ImageLayers(
            tools=self._tools,
            order=self._order,
            client=self._client,
            host=self._name.host,
            wheels=self._wheels,
            steps=self._steps,
            environment=self._environment,
            say=self._reporter.say,
            work=work,
        )

    def _describe(self, lazy_layers: Sequence[LazyLayer], layers: Sequence[Layer]) -> Image:
        parent = self._order.locked.base.parent
        count = len(parent.layers) if parent else 0
        titled = [(layer, lazy.title) for layer, lazy in zip(layers, lazy_layers, strict=True)]
        return compose_image(parent, titled[count:], runtime_of(self._order))

    def _moved(self) -> Moved:
        done: dict[str, int] = {}
        sizes: dict[str, int] = {}

        def moved(digest: str, now: int, total: int) -> None:
            done[digest], sizes[digest] = now, total
            self._reporter.progress(sum(done.values()), sum(sizes.values()))

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
