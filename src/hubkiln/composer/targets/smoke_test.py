"""Whether a hub's server starts in an image that goes elsewhere, seen on this machine.

The check needs only the packages that the server needs, in the versions of the lock. For most environments these are
the Jupyter stack as it is, so it was made for somebody else already; what passed once is remembered. A repository's
own ``start`` may call whatever it asked for, so with one the whole environment is made and checked.
Where there are no sandboxes, as in an ordinary pod, nothing is seen, and that is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from hubkiln.builds import Reporter
from hubkiln.composer.bases import Bases
from hubkiln.composer.locking import Locked
from hubkiln.composer.locking import conda_entrypoint as entrypoint
from hubkiln.composer.steps import StepLayer
from hubkiln.composer.targets.interface import LockedOrder
from hubkiln.composer.targets.local import document_of, start_digest
from hubkiln.composer.targets.wheel_layers import WheelLayers
from hubkiln.concurrently import all_of
from hubkiln.data_dir import DataDir
from hubkiln.keys import digest
from hubkiln.local_images import LocalImage, Run, kernel_variables, verify_server
from hubkiln.packages import STACK, EnvironmentOnDisk, Lock, Packages, Wheel, closure_of, preferred_stack
from hubkiln.stores import use


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """Sees that a hub's server starts in images that go elsewhere."""

    data: DataDir
    packages: Packages
    bases: Bases
    run: Run
    refusal: Callable[[], Awaitable[str]]
    """Why nothing can run here; empty if it can."""

    async def check(
        self,
        order: LockedOrder,
        wheels: WheelLayers,
        environment: EnvironmentOnDisk | None,
        layers: Sequence[StepLayer],
        reporter: Reporter,
    ) -> None:
        """
        See that a hub's server starts in what `order` becomes, unless that is known.

        Raises:
            BuildFailed: it does not.
        """
        subset = await self._needed(order.locked.lock, wheels)
        base = order.locked.base
        named = [base.name, base.interpreter.version, [wheel.sha256 for wheel in subset]]
        name = digest([*named, [layer.key for layer in layers], sorted(order.recipe.env), *start_and_all(order)])
        marker = self.data.cache / "verified" / name
        use(self.data.root, marker)
        if marker.exists():
            return
        if reason := await self.refusal():
            reporter.say(f"Note: whether Jupyter starts in the image was not tried, for want of a sandbox. {reason}\n")
            return
        await verify_server(
            await self._image(order, subset, wheels, environment, layers, reporter), self.run, reporter.say
        )
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    async def _image(
        self,
        order: LockedOrder,
        subset: Sequence[Wheel],
        wheels: WheelLayers,
        environment: EnvironmentOnDisk | None,
        layers: Sequence[StepLayer],
        reporter: Reporter,
    ) -> LocalImage:
        locked = order.locked
        unpacking = self.bases.unpacked(locked.base, reporter.say)
        if order.start is not None:
            base = await unpacking
            whole = environment or await self.packages.environment(
                locked.lock, locked.base.interpreter, lambda text: None, kernel=locked.base.kernel
            )
            return document_of(order, base.rootfs, whole, tuple(layers))
        if environment is None:
            both: list[Coroutine[Any, Any, Any]] = [unpacking, self._merged(locked, subset, wheels)]
            base, made = await all_of(both)
        else:
            base, made = await unpacking, environment
        return LocalImage(
            name="check",
            environment=made.key,
            rootfs=base.rootfs,
            steps=tuple(place for layer in layers for place in layer.places),
            env=(kernel_variables(base.kernel) if environment is not None else ()) + order.recipe.env,
            entrypoint=entrypoint(made.path, locked.lock),
        )

    async def _merged(self, locked: Locked, subset: Sequence[Wheel], wheels: WheelLayers) -> EnvironmentOnDisk:
        if tuple(subset) == wheels.stack:
            await wheels.trees()  # they are being unpacked for layers: others doing so as well would be no quicker
        lock, python = Lock(python=locked.lock.python, wheels=tuple(subset), text=""), locked.base.interpreter
        made = await self.packages.environment(lock, python, lambda text: None)
        if tuple(subset) == wheels.stack:
            await self.packages.compile(lock, python)  # it is in the store already
        return made

    async def _needed(self, lock: Lock, wheels: WheelLayers) -> tuple[Wheel, ...]:
        """What the server needs: the stack as it is, or what the lock has in its place."""
        usual = {name for name, _ in preferred_stack(lock.python)}
        as_usual = set(wheels.stack)
        if all(wheel in as_usual for wheel in lock.wheels if wheel.name in usual):
            return wheels.stack
        paths = await self.packages.store.downloads.ensure(lock.wheels)
        named = {wheel.name: wheel for wheel in lock.wheels}
        return closure_of(STACK, named, paths, wheels.python, self.packages.platform)


def start_and_all(order: LockedOrder) -> list[str]:
    """What decides whether a server comes of a ``start`` script, besides what the server needs; nothing without one."""
    if order.start is None:
        return []
    return [start_digest(order), order.locked.lock.digest]
