"""All layers of an image, not made yet, bottom first: base, prefix, conda, wheels, steps, the repository's files.

Making a list of them makes nothing; a push makes what its registry lacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.builds import Reporter
from hubkiln.composer.bases import Bases
from hubkiln.composer.steps import RunSteps, StepLayer
from hubkiln.composer.targets.conda_layers import conda_layers
from hubkiln.composer.targets.entrypoint import skeleton_tree
from hubkiln.composer.targets.interface import LockedOrder
from hubkiln.composer.targets.patience import Patience
from hubkiln.composer.targets.smoke_test import SmokeTest
from hubkiln.composer.targets.wheel_layers import WheelLayers, layer_key, tree_key
from hubkiln.content import Content, content_tree
from hubkiln.conventions import GIVEN_HOME
from hubkiln.data_dir import DataDir
from hubkiln.images import (
    Clients,
    Layer,
    LayerPart,
    LayerStore,
    LazyLayer,
    MadeLayer,
    RegistryClient,
    Role,
    group_layers,
)
from hubkiln.packages import EnvironmentOnDisk, Packages
from hubkiln.trees import Tree
from hubkiln.values import Say

CONTENT = "the repository's files"
"""Title of the layer that every commit changes."""

KERNEL_MOST = 30
"""Layers for the packages of a kernel beside the server."""

SYSTEM = "apt.txt"
"""Title of the step that adds system packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTools:
    """What every push on this machine shares."""

    data: DataDir
    packages: Packages
    bases: Bases
    layers: LayerStore
    clients: Clients
    run_steps: RunSteps
    smoke_test: SmokeTest
    patience: Patience

    async def steps(self, order: LockedOrder, reporter: Reporter) -> tuple[EnvironmentOnDisk, tuple[StepLayer, ...]]:
        """
        The whole environment of `order` in the store, and what its steps change over it.

        Raises:
            as :meth:`RunSteps.run` and :meth:`Packages.environment`.
        """
        locked = order.locked
        base = await self.bases.unpacked(locked.base, reporter.say)
        environment = await self.packages.environment(
            locked.lock, base.interpreter, reporter.say, reporter.progress, kernel=base.kernel
        )
        content = order.content.for_builds
        run = self.run_steps.run
        return environment, await run(order.recipe, base, environment, content, reporter.say, as_of=order.as_of)

    async def entries(
        self, step: StepLayer, below: Sequence[StepLayer], order: LockedOrder, environment: EnvironmentOnDisk | None
    ) -> Tree:
        """See :meth:`RunSteps.entries`."""
        base = await self.bases.unpacked(order.locked.base, lambda text: None)
        return await asyncio.to_thread(self.run_steps.entries, step, below, base, environment, order.content.for_builds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLayers:
    """The layers of one order."""

    tools: PushTools
    order: LockedOrder
    client: RegistryClient
    host: str
    """Of the registry that they go to."""
    wheels: WheelLayers
    kernel: WheelLayers | None
    """Those of the kernel beside the server, if it has one."""
    steps: tuple[StepLayer, ...]
    environment: EnvironmentOnDisk | None
    """Where steps ran."""
    say: Say
    work: Path
    """Folder for files that are made for the push."""

    async def lazy_layers(self) -> list[LazyLayer]:
        """All layers, bottom first."""
        base, order = self._base(), self.order
        below = skeleton_tree(order.locked.base)
        lazy_layers = {lazy.key: lazy for lazy in base}
        first = self.tools.layers.lazy(tree_key(below), lambda: below, title="user, prefix, how to start")
        parts = [LayerPart(key=lazy.key, name=lazy.title, role=Role.BASE) for lazy in base]
        parts.append(LayerPart(key=first.key, name=first.title, role=Role.SKELETON))
        lazy_layers[first.key] = first
        for lazy in await conda_layers(self.tools.packages, self.tools.layers, order.locked.base, self.say):
            parts.append(LayerPart(key=lazy.key, name=lazy.title, role=Role.SKELETON))
            lazy_layers[lazy.key] = lazy
        for lazy in self._kernel():
            parts.append(LayerPart(key=lazy.key, name=lazy.title, role=Role.SKELETON))
            lazy_layers[lazy.key] = lazy
        parts += self.wheels.parts()
        for lazy in self._upper():
            parts.append(LayerPart(key=lazy.key, name=lazy.title, role=Role.STEP))
            lazy_layers[lazy.key] = lazy
        wheels = (Role.STACK, Role.WHEEL)
        return [self.wheels.layer(one) if one.role in wheels else lazy_layers[one.key] for one in group_layers(parts)]

    def _kernel(self) -> list[LazyLayer]:
        if self.kernel is None:
            return []
        return [self.kernel.layer(one) for one in group_layers(self.kernel.parts(), budget=KERNEL_MOST)]

    def _base(self) -> list[LazyLayer]:
        """The base's layers: known from the start, copied from where they are if the registry lacks them."""
        base = self.order.locked.base
        index, found = self.tools.layers.index, []
        for layer in base.parent.layers if base.parent else ():
            key = layer_key("base", layer.descriptor.digest)
            index.put(key, layer)
            if base.source is not None and base.source.host == self.host:
                index.seen(layer.descriptor.digest, self.host, base.source.path)
            found.append(LazyLayer(key=key, make=self._fetching(layer), title="base image"))
        return found

    def _fetching(self, layer: Layer) -> Callable[[], Awaitable[MadeLayer]]:
        layout, source, digest = self.tools.layers.layout, self.order.locked.base.source, layer.descriptor.digest

        async def make() -> MadeLayer:
            if source is not None and not layout.has(digest, layer.descriptor.size):
                with layout.partial() as path:
                    await self.client.download(source, layer.descriptor, path)
                    layout.adopt(path, digest)
            return MadeLayer(layer, layout.path(digest))

        return make

    def _upper(self) -> Iterator[LazyLayer]:
        """What lies over the packages: system packages, the repository's files, and what its own script changed."""
        system = [step for step in self.steps if step.title == SYSTEM]
        for step in system:
            yield self._step(step)
        if self.order.has_content:
            yield content_layer(self.order.content, self.tools.layers, self.work, hidden=(self.tools.data.root,))
        for step in self.steps[len(system) :]:
            yield self._step(step)

    def _step(self, step: StepLayer) -> LazyLayer:
        below = self.steps[: self.steps.index(step)]
        key = layer_key("step", "differences", GIVEN_HOME, step.key, [one.key for one in below])

        async def make() -> MadeLayer:
            tree = await self.tools.entries(step, below, self.order, self.environment)
            return await self.tools.layers.layer(key, lambda: tree, whiteouts=True)

        return LazyLayer(key=key, make=make, title=step.title)


def content_layer(content: Content, layers: LayerStore, work: Path, *, hidden: Sequence[Path]) -> LazyLayer:
    """The repository's files; `work` is a folder for what is made for the push, `hidden` what git is not to see."""
    key = layer_key("content", content.key, str(content.root.relative_to(content.path)))

    async def make() -> MadeLayer:
        tree = await content_tree(content, work, hidden=hidden)
        return await layers.layer(key, lambda: tree)

    return LazyLayer(key=key, make=make, title=CONTENT)
