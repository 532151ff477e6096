"""Environments in a registry: an image composed of layers, of which only those that the registry lacks are made.

Whether it is there is one request. A registry that does not answer that is an error, never a reason to build.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from hubkiln.builds import Phase, Reporter
from hubkiln.composer.steps import StepLayer
from hubkiln.composer.targets.entrypoint import runtime_of
from hubkiln.composer.targets.interface import LockedOrder, Result, Work
from hubkiln.composer.targets.layers import CONTENT, ImageLayers, PushTools
from hubkiln.composer.targets.tagged import TaggedImage, counts
from hubkiln.composer.targets.wheel_layers import WheelLayers
from hubkiln.images import (
    Image,
    Layer,
    LazyLayer,
    Moved,
    Pusher,
    RegistryClient,
    Tally,
    compose_image,
)
from hubkiln.packages import EnvironmentOnDisk

T = TypeVar("T")


class RegistryTarget:
    """See :class:`hubkiln.composer.targets.interface.Target`."""

    def __init__(self, tools: PushTools) -> None:
        self._tools = tools

    async def make(self, order: LockedOrder, reporter: Reporter) -> Result:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        async with self._tools.clients() as client:
            return await Push(self._tools, order, reporter, client).run()

    async def dry_run(self, order: LockedOrder) -> Work:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        async with self._tools.clients() as client:
            return await Push(self._tools, order, Reporter(lambda event: None), client).dry_run()


class Push:
    """One image on its way."""

    def __init__(self, tools: PushTools, order: LockedOrder, reporter: Reporter, client: RegistryClient) -> None:
        self._tools, self._order, self._reporter, self._client = tools, order, reporter, client
        self._image = TaggedImage(order.request, order.image_key, client, tools.layers, reporter)
        locked = order.locked
        self._wheels = WheelLayers(
            tools.data, tools.packages, tools.layers, locked.base.interpreter, locked.lock.wheels, reporter
        )
        self._kernel = None
        if locked.base.kernel is not None and locked.lock.kernel is not None:
            self._kernel = WheelLayers(
                tools.data, tools.packages, tools.layers, locked.base.kernel, locked.lock.kernel.wheels, reporter
            )
        self._steps: tuple[StepLayer, ...] = ()
        self._environment: EnvironmentOnDisk | None = None
        self._checking: asyncio.Future[None] | None = None
        self._tried = False
        """Whether the image was to be named before."""

    async def run(self) -> Result:
        """Find the image, or make what is missing, check it, and only then name it."""
        async with AsyncExitStack() as opened:
            with self._reporter.phase(Phase.BUILDING):
                found = await self._image.there()
                lazy_layers = await self._prepared(opened) if found is None else []
            if found is not None:
                with self._reporter.phase(Phase.PUSHING):
                    image, layers = await self._patiently(lambda: self._image.again(found))
                    return self._order.result(image, reused=True, layers=layers, tag=self._image.tag)
            fresh = [lazy for lazy in lazy_layers if self._tools.layers.index.get(lazy.key) is None]
            made, tally = await self._pushed(lazy_layers)
        return self._order.result(
            self._image.reference(made.digest),
            reused=all(lazy.title == CONTENT for lazy in fresh),
            layers=counts(len(made.layers), tally.mounted, tally.uploaded, tally.uploaded_bytes),
            tag=self._image.tag,
        )

    async def _prepared(self, opened: AsyncExitStack) -> list[LazyLayer]:
        """All layers; packages are fetched and steps have run. What they need for as long as they do is `opened`."""
        work = opened.enter_context(tempfile.TemporaryDirectory(dir=self._tools.data.work, prefix="push-"))
        await opened.enter_async_context(self._wheels.open())
        if self._kernel is not None:
            await opened.enter_async_context(self._kernel.open())
            await self._kernel.look()
        if self._wheels.unknown():  # then the check is new too, and needs the base
            await opened.enter_async_context(self._tools.bases.ahead(self._order.locked.base, self._reporter.say))
        if not self._order.plan.needs:
            await opened.enter_async_context(self._check())
        await self._wheels.look()
        if self._order.plan.needs:
            self._environment, self._steps = await self._tools.steps(self._order, self._reporter)
            await opened.enter_async_context(self._check())
        return await self._layers(Path(work)).lazy_layers()

    @asynccontextmanager
    async def _check(self) -> AsyncIterator[None]:
        """Meanwhile see that a server starts: as soon as what the server needs is there, whatever else is not yet."""
        self._checking = checking = asyncio.ensure_future(
            self._tools.smoke_test.check(self._order, self._wheels, self._environment, self._steps, self._reporter)
        )
        try:
            yield
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)

    async def _pushed(self, lazy_layers: Sequence[LazyLayer]) -> tuple[Image, Tally]:
        """Push all lazy layers while the check runs; the manifest comes when both are done."""
        tools, reporter = self._tools, self._reporter
        pusher = Pusher(self._client, self._image.target, tools.layers.index, self._moved())
        with reporter.phase(Phase.PUSHING):
            image = self._describe(lazy_layers, await self._patiently(lambda: pusher.layers(lazy_layers)))
        with reporter.phase(Phase.VERIFYING):
            if self._checking is not None:
                await self._checking
            image = await self._patiently(lambda: self._named(pusher, lazy_layers, image))
        tools.layers.layout.put(image.config)
        tools.layers.layout.put(image.manifest)
        return image, pusher.tally

    async def _patiently(self, once: Callable[[], Awaitable[T]]) -> T:
        return await self._tools.patience.run(once, self._reporter.say)

    async def _named(self, pusher: Pusher, lazy_layers: Sequence[LazyLayer], image: Image) -> Image:
        """Give the image its names; at another try, layers that the registry has lost meanwhile are sent again."""
        if self._tried:
            await pusher.layers(lazy_layers)
        self._tried = True
        await pusher.image(image)
        await self._image.name_it(image.manifest)
        return image

    async def dry_run(self) -> Work:
        """What :meth:`run` would do."""
        if (found := await self._image.there()) is not None:
            return Work(steps=(f"The image is there already: {self._image.reference(found.digest)}.",), there=True)
        unknown = self._wheels.unknown()
        if unknown or self._order.plan.needs:
            megabytes = sum(wheel.size or 0 for wheel in unknown) / 1e6
            new = f"{len(unknown)} packages would be fetched ({megabytes:.1f} MB), then layers made and pushed."
            return Work(steps=(new,))
        with tempfile.TemporaryDirectory(dir=self._tools.data.work, prefix="push-") as work:
            lazy_layers = await self._layers(Path(work)).lazy_layers()
        missing = []
        for lazy in lazy_layers:
            known = self._tools.layers.index.get(lazy.key)
            if known is None or not await self._client.has_blob(self._image.name, known.descriptor.digest, push=True):
                missing.append(lazy.title)
        there = f"{len(lazy_layers) - len(missing)} of {len(lazy_layers)} layers are in {self._image.name.repository}."
        left = f"Would be made or mounted: {', '.join(missing)}." if missing else "Nothing has to be made."
        return Work(steps=(there, left))

    def _layers(self, work: Path) -> ImageLayers:
        return ImageLayers(
            tools=self._tools,
            order=self._order,
            client=self._client,
            host=self._image.name.host,
            wheels=self._wheels,
            kernel=self._kernel,
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
