"""A build on one screen: look the repository up, fetch it, read its recipe, lock, make.

Each step is a package of its own; this is the only place that knows their order. It implements
:class:`hubkiln.builds.interface.Builder`, so the command line runs it directly and the service behind its wrappers
(joined, queued, limited, recorded).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from hubkiln import recipes
from hubkiln.builds import BuildRequest, Built, Phase, Planned, Reporter, Resolved, Tell
from hubkiln.composer import Bases, Locked, Locking, Order, Repo2dockerBuilder, Repo2dockerOrder, Target
from hubkiln.content import Content, Contents
from hubkiln.errors import DiskFull
from hubkiln.recipes import Need, Plan, PlanKind, Recipe
from hubkiln.repositories import Repositories
from hubkiln.values import Revision

Targets = Callable[[BuildRequest], Target]
"""Chooses where a request's environment is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a build would do."""

    plan: str
    why: tuple[str, ...]
    python: str
    steps: tuple[str, ...]
    """A sentence each."""
    order: Order | None
    """None if packages would have to be resolved first; then nothing is known of what follows."""


class Pipeline:
    """Builds one environment after another, as often as asked, at the same time or not."""

    def __init__(
        self,
        repositories: Repositories,
        contents: Contents,
        bases: Bases,
        locking: Locking,
        targets: Targets,
        can: frozenset[Need] = frozenset(),
        hints: Mapping[Need, str] | None = None,
        repo2docker: Repo2dockerBuilder | None = None,
    ) -> None:
        self._repositories, self._contents = repositories, contents
        self._bases, self._locking = bases, locking
        self._targets, self._can, self._hints = targets, can, hints
        self._repo2docker = repo2docker

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        try:
            return await self._build(request, Reporter(tell))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    "There is no space left on the disk for this build.",
                    hint="Nothing is lost; ask the admin to make room, then try again.",
                ) from error
            raise

    async def _build(self, request: BuildRequest, reporter: Reporter) -> Built:
        with reporter.phase(Phase.RESOLVING):
            revision = await self._repositories.resolve(request.spec)
            reporter.tell(Resolved(revision.commit))
            reporter.say(f"{request.spec.repository} is at {revision.commit[:12]}.\n")
        with reporter.phase(Phase.FETCHING):
            content = await self._contents.ensure(revision, reporter.say)
            if request.as_of == "commit":
                revision = await self._contents.dated(revision, content)
        with reporter.phase(Phase.PLANNING):
            recipe = recipes.read(content.root)
            plan = await self._plan(recipe)
            _tell_plan(reporter, recipe, plan)
        if plan.kind is PlanKind.REPO2DOCKER:
            return await self._build_repo2docker(request, revision, content, recipe, plan, reporter)
        async with AsyncExitStack() as ahead:
            with reporter.phase(Phase.LOCKING):
                locked = await self._locked(request, revision, content, recipe, reporter, ahead)
            order = Order(request=request, revision=revision, content=content, recipe=recipe, plan=plan, locked=locked)
            made = await self._targets(request).make(order, reporter)
        return Built(
            image=made.image,
            environment_key=order.environment_key,
            commit=revision.commit,
            name=revision.name,
            plan=plan.kind.value,
            why=plan.why,
            reused=made.reused,
            seconds=reporter.seconds,
            lock_digest=locked.lock.digest,
            layers=made.layers,
        )

    async def _locked(
        self,
        request: BuildRequest,
        revision: Revision,
        content: Content,
        recipe: Recipe,
        reporter: Reporter,
        ahead: AsyncExitStack,
    ) -> Locked:
        """The packages, those of last time or new ones; new ones need their base soon, which is begun `ahead`."""
        base = await self._locking.base(recipe, request, reporter.say)
        locked = await self._locking.known(recipe, revision, request, base)
        if locked is not None:
            reporter.say("These requirements were locked before; the same packages are used again.\n")
        else:
            await ahead.enter_async_context(self._bases.ahead(base, reporter.say))
            locked = await self._locking.new(recipe, revision, request, base, content, reporter.say)
        await self._locking.keep(recipe, revision, request, base, locked)
        reporter.say(f"{len(locked.lock.wheels)} packages for Python {locked.base.interpreter.version}.\n")
        return locked

    async def _plan(self, recipe: Recipe) -> Plan:
        """repo2docker is looked for only where it is needed."""
        can, hints = self._can, dict(self._hints or {})
        if self._repo2docker is not None and not recipes.needs(recipe).keys() <= can:
            found = await self._repo2docker.ability()
            can = can | {Need.REPO2DOCKER} if found.engine is not None else can
            hints[Need.REPO2DOCKER] = found.hint
        return recipes.plan(recipe, can, hints)

    async def _build_repo2docker(
        self,
        request: BuildRequest,
        revision: Revision,
        content: Content,
        recipe: Recipe,
        plan: Plan,
        reporter: Reporter,
    ) -> Built:
        assert self._repo2docker is not None
        order = Repo2dockerOrder(
            request=request,
            revision=revision,
            content=content,
            recipe=recipe,
            plan=plan,
            build_args=self._repo2docker.settings.build_args,
        )
        if not order.split:
            reporter.say(f"Note: every commit is built anew, because {recipe.whole_tree}.\n")
        made = await self._repo2docker.make(order, reporter)
        return Built(
            image=made.image,
            environment_key=order.environment_key,
            commit=revision.commit,
            name=revision.name,
            plan=plan.kind.value,
            why=plan.why,
            reused=made.reused,
            seconds=reporter.seconds,
            layers=made.layers,
        )

    async def dry_run(self, request: BuildRequest, tell: Tell) -> DryRun:
        """
        What :meth:`build` would do. The repository is fetched to read it; nothing else is changed.

        Raises:
            as :meth:`build`.
        """
        reporter = Reporter(tell)
        revision = await self._repositories.resolve(request.spec)
        content = await self._contents.ensure(revision, reporter.say)
        if request.as_of == "commit":
            revision = await self._contents.dated(revision, content)
        recipe = recipes.read(content.root)
        plan = await self._plan(recipe)
        if plan.kind is PlanKind.REPO2DOCKER:
            return DryRun(plan=plan.kind.value, why=plan.why, python="", steps=(), order=None)
        base = await self._locking.base(recipe, request, reporter.say)
        locked = await self._locking.known(recipe, revision, request, base)
        order, python = None, recipe.python or ""
        steps: tuple[str, ...] = ("Its packages are not locked yet: they would be resolved first.",)
        if locked is not None:
            order = Order(request=request, revision=revision, content=content, recipe=recipe, plan=plan, locked=locked)
            python = locked.base.interpreter.version
            known = f"Its packages are locked: {len(locked.lock.wheels)}."
            steps = (known, *await self._targets(request).dry_run(order))
        return DryRun(plan=plan.kind.value, why=plan.why, python=python, steps=steps, order=order)


def _tell_plan(reporter: Reporter, recipe: Recipe, plan: Plan) -> None:
    for warning in recipe.warnings:
        reporter.say(f"Note: {warning}\n")
    reporter.tell(Planned(plan.kind.value, plan.why))
