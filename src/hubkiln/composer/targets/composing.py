"""Composing: the exact packages are found, then the target that the request asks for makes the environment of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from hubkiln.builds import BuildRequest, Phase, Reporter
from hubkiln.composer.bases import Base, Bases, FirstBase
from hubkiln.composer.locking import Locked, Locking, moment, wants_image
from hubkiln.composer.targets.interface import DryRun, LockedOrder, Prepared, Result, Target

_UNLOCKED = "Its packages are not locked yet: they would be resolved first."

Targets = Callable[[BuildRequest], Target]
"""Chooses where a request's environment is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """See :class:`hubkiln.composer.targets.interface.Maker`."""

    bases: Bases
    first: FirstBase
    locking: Locking
    targets: Targets

    async def make(self, prepared: Prepared, reporter: Reporter) -> Result:
        """See :class:`hubkiln.composer.targets.interface.Maker`."""
        async with AsyncExitStack() as ahead:
            with reporter.phase(Phase.LOCKING):
                locked = await self._locked(prepared, reporter, ahead)
            return await self.targets(prepared.request).make(_order(prepared, locked), reporter)

    async def dry_run(self, prepared: Prepared, reporter: Reporter) -> DryRun:
        """See :class:`hubkiln.composer.targets.interface.Maker`."""
        request, recipe, plan = prepared.request, prepared.recipe, prepared.plan
        if _on_the_default(prepared) and self.first.can_make:
            await self._foresee(prepared, None, reporter)
            made = "There is no base image on this machine yet: one would be made first, of Debian's packages."
            return DryRun(plan=plan.kind.value, why=plan.why, python=recipe.python or "", steps=(_UNLOCKED, made))
        base = await self.locking.base(recipe, request, reporter.say)
        locked = await self.locking.known(recipe, prepared.revision, request, base)
        if locked is None:
            await self._foresee(prepared, base, reporter)
            return DryRun(plan=plan.kind.value, why=plan.why, python=recipe.python or "", steps=(_UNLOCKED,))
        order = _order(prepared, locked)
        known = f"Its packages are locked: {len(locked.lock.wheels)}."
        work = await self.targets(request).dry_run(order)
        return DryRun(
            plan=plan.kind.value,
            why=plan.why,
            python=locked.base.interpreter.version,
            steps=(known, *work.steps),
            lock=locked.lock,
            labels=order.labels,
            there=work.there,
        )

    async def _foresee(self, prepared: Prepared, base: Base | None, reporter: Reporter) -> None:
        """See :meth:`hubkiln.composer.locking.Locking.foresee`; `base` is None where it would be made first."""
        at = moment(prepared.request.as_of, prepared.revision)
        await self.locking.foresee(prepared.recipe, at, base, reporter.say)

    async def _locked(self, prepared: Prepared, reporter: Reporter, ahead: AsyncExitStack) -> Locked:
        """The packages, those of last time or new ones; new ones need their base soon, which is begun `ahead`."""
        request, revision, recipe = prepared.request, prepared.revision, prepared.recipe
        if _on_the_default(prepared) and self.first.can_make:
            await self._foresee(prepared, None, reporter)
            await self.first.ensure(reporter.say)
        base = await self.locking.base(recipe, request, reporter.say)
        locked = await self.locking.known(recipe, revision, request, base)
        if locked is not None:
            reporter.say("These requirements were locked before; the same packages are used again.\n")
        else:
            await ahead.enter_async_context(self.bases.ahead(base, reporter.say))
            locked = await self.locking.new(recipe, revision, request, base, prepared.content.for_builds, reporter.say)
        await self.locking.keep(recipe, revision, request, base, locked)
        reporter.say(f"{len(locked.lock.wheels)} packages for Python {locked.base.interpreter.version}.\n")
        if locked.lock.kernel is not None and locked.base.kernel is not None:
            conda = locked.lock.kernel.conda
            count = len(locked.lock.kernel.wheels) + (len(conda.packages) if conda else 0)
            python = locked.base.kernel.version
            reporter.say(f"{count} packages for the kernel of Python {python}, in which notebooks run.\n")
        return locked


@dataclass(frozen=True, slots=True)
class ByRequest:
    """Targets: the registry where a push is asked for, else this machine."""

    local: Target
    registry: Callable[[], Target]

    def __call__(self, request: BuildRequest) -> Target:
        """Where the environment of `request` is made."""
        return self.local if request.push is None else self.registry()


def _on_the_default(prepared: Prepared) -> bool:
    """Whether it stands on the default base image."""
    return wants_image(prepared.recipe, prepared.request) and prepared.request.base_image is None


def _order(prepared: Prepared, locked: Locked) -> LockedOrder:
    return LockedOrder(
        request=prepared.request,
        revision=prepared.revision,
        content=prepared.content,
        recipe=prepared.recipe,
        plan=prepared.plan,
        locked=locked,
    )
