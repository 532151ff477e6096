"""Environments for the sandbox engine of this machine: a merged folder, the steps' changes, a document for both."""

from __future__ import annotations

import hashlib
from functools import partial

from hubkiln.builds import Phase, Reporter
from hubkiln.composer.bases import Bases
from hubkiln.composer.locking import conda_entrypoint as entrypoint
from hubkiln.composer.steps import StepLayer
from hubkiln.composer.targets.interface import LockedOrder, Result, Steps, Work
from hubkiln.data_dir import DataDir
from hubkiln.keys import digest
from hubkiln.later import Later
from hubkiln.local_images import LocalImage, LocalImages, Run, kernel_variables, verify_server
from hubkiln.packages import EnvironmentOnDisk, Lock, Packages
from hubkiln.stores import lease
from hubkiln.values import Interpreter


class LocalTarget:
    """See :class:`hubkiln.composer.targets.interface.Target`."""

    def __init__(
        self,
        data: DataDir,
        packages: Packages,
        bases: Bases,
        images: LocalImages,
        run: Run,
        steps: Steps | None = None,
        later: Later | None = None,
    ) -> None:
        """Byte code is made by `later`, for the starts after the first; in the build itself without it."""
        self._data, self._packages, self._bases = data, packages, bases
        self._images, self._run, self._steps, self._later = images, run, steps, later

    async def make(self, order: LockedOrder, reporter: Reporter) -> Result:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        locked = order.locked
        with reporter.phase(Phase.BUILDING):
            base = await self._bases.unpacked(locked.base, reporter.say)
            environment = await self._packages.environment(
                locked.lock, base.interpreter, reporter.say, reporter.progress, kernel=base.kernel
            )
            if environment.reused:
                reporter.say("This environment was built before; it is used again.\n")
            layers: tuple[StepLayer, ...] = ()
            if self._steps is not None and order.plan.needs:
                content, run = order.content.for_builds, self._steps.run
                layers = await run(order.recipe, base, environment, content, reporter.say, as_of=order.as_of)
            image = document_of(order, base.rootfs, environment, layers)
            reference = self._images.put(image)
            compiling = partial(self._compile, locked.lock, base.interpreter, base.kernel)
            if self._later is None:
                await compiling()
            else:
                self._later.do(f"Compiling the packages of {order.revision.name}", compiling)
        if order.request.tried:
            with reporter.phase(Phase.VERIFYING):
                await self._verify(image, environment, layers, start_digest(order), reporter)
        reused = environment.reused and all(layer.reused for layer in layers)
        return order.result(reference, reused=reused)

    async def _compile(self, lock: Lock, python: Interpreter, kernel: Interpreter | None) -> None:
        with lease(self._data.root, "compiling packages"):
            await self._packages.compile(lock, python, kernel=kernel, hurry=self._later is None)

    async def dry_run(self, order: LockedOrder) -> Work:
        """See :class:`hubkiln.composer.targets.interface.Target`."""
        locked = order.locked
        python = locked.base.interpreter
        path = self._data.environments / self._packages.key(locked.lock, python, locked.base.kernel)
        if path.is_dir():
            return Work(steps=("The environment is there already.",), there=not order.plan.needs)
        missing = [wheel for wheel in locked.lock.wheels if not self._packages.store.path(wheel, python).exists()]
        megabytes = sum(wheel.size or 0 for wheel in missing) / 1e6
        new = f"{len(missing)} of {len(locked.lock.wheels)} packages are new here ({megabytes:.1f} MB)."
        return Work(steps=(new,))

    async def _verify(
        self,
        image: LocalImage,
        environment: EnvironmentOnDisk,
        layers: tuple[StepLayer, ...],
        start: str,
        reporter: Reporter,
    ) -> None:
        """Check once per environment and ``start`` script that a hub's server starts in it; raises BuildFailed."""
        named = [environment.key, image.rootfs, [layer.key for layer in layers], image.env, image.start, start]
        name = f"{environment.key}.{digest(named)[:16]}.verified"
        marker = environment.path.with_name(name)
        if not marker.exists():
            await verify_server(image, self._run, reporter.say)
            marker.touch()


def start_digest(order: LockedOrder) -> str:
    """What the ``start`` script of `order` is, whose text decides whether a server comes of it; empty without one."""
    if order.start is None:
        return ""
    return hashlib.sha256((order.content.path / order.start).read_bytes()).hexdigest()


def document_of(
    order: LockedOrder, rootfs: tuple[str, ...], environment: EnvironmentOnDisk, layers: tuple[StepLayer, ...]
) -> LocalImage:
    """The document that joins base, environment, steps and content."""
    base = order.locked.base
    return LocalImage(
        name=order.revision.name,
        environment=environment.key,
        rootfs=rootfs,
        content=order.content.key if order.has_content else None,
        steps=tuple(place for layer in layers for place in layer.places),
        python=str(base.interpreter.path) if base.is_host and not base.condas else None,
        python_roots=base.python_roots,
        env=kernel_variables(base.kernel) + order.recipe.env,
        start=order.start,
        workdir=order.revision.spec.subdir,
        entrypoint=entrypoint(environment.path, order.locked.lock),
        labels=order.labels,
    )
