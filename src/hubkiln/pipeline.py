"""The story on one screen: look the repository up, fetch it, read its recipe, lock, make.

Each step is a package of its own; this is the only place that knows their order. It implements
:class:`hubkiln.builds.interface.Builder`, so the command line runs it directly and the service behind its wrappers
(joined, queued, limited, recorded).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubkiln import recipes
from hubkiln.builds.events import Phase, Planned, Resolved
from hubkiln.builds.interface import BuildRequest, Built, Tell
from hubkiln.composer.content import Contents
from hubkiln.composer.locking import Locking
from hubkiln.composer.story import Story
from hubkiln.composer.target import Order, Target
from hubkiln.errors import DiskFull
from hubkiln.recipes.interface import Need, Plan, Recipe
from hubkiln.repositories import Repositories

Targets = Callable[[BuildRequest], Target]
"""Chooses where a request's environment is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a build would do."""

    plan: str
    why: tuple[str, ...]
    python: str
    locked: bool
    """False if packages would have to be resolved first; then nothing is known of what follows."""
    steps: tuple[str, ...]
    """A sentence each."""


class Pipeline:
    """Builds one environment after another, as often as asked, at the same time or not."""

    def __init__(
        self,
        repositories: Repositories,
        contents: Contents,
        locking: Locking,
        targets: Targets,
        can: frozenset[Need] = frozenset(),
        hints: Mapping[Need, str] | None = None,
    ) -> None:
        self._repositories, self._contents, self._locking = repositories, contents, locking
        self._targets, self._can, self._hints = targets, can, hints

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        try:
            return await self._build(request, Story(tell))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    "There is no space left on the disk for this build.",
                    hint="Nothing is lost; ask the admin to make room, then try again.",
                ) from error
            raise

    async def _build(self, request: BuildRequest, story: Story) -> Built:
        with story.phase(Phase.RESOLVING):
            revision = await self._repositories.resolve(request.spec)
            story.tell(Resolved(revision.commit))
            story.say(f"{request.spec.repository} is at {revision.commit[:12]}.\n")
        with story.phase(Phase.FETCHING):
            content = await self._contents.ensure(revision, story.say)
        with story.phase(Phase.PLANNING):
            recipe = recipes.read(content.root)
            plan = recipes.plan(recipe, self._can, self._hints)
            _tell_plan(story, recipe, plan)
        with story.phase(Phase.LOCKING):
            ground = await self._locking.ground(recipe, request, story.say)
            locked = await self._locking.lock(recipe, revision, request, ground, content, story.say)
        order = Order(request=request, revision=revision, content=content, recipe=recipe, plan=plan, locked=locked)
        made = await self._targets(request).make(order, story)
        return Built(
            image=made.image,
            environment_key=order.environment_key,
            commit=revision.commit,
            name=revision.name,
            plan=plan.path.value,
            why=plan.why,
            reused=made.reused,
            seconds=story.seconds,
            lock_digest=locked.lock.digest,
            layers=made.layers,
        )

    async def outlook(self, request: BuildRequest, tell: Tell) -> Outlook:
        """
        What :meth:`build` would do. The repository is fetched to read it; nothing else is changed.

        Raises:
            as :meth:`build`.
        """
        story = Story(tell)
        revision = await self._repositories.resolve(request.spec)
        content = await self._contents.ensure(revision, story.say)
        recipe = recipes.read(content.root)
        plan = recipes.plan(recipe, self._can, self._hints)
        ground = await self._locking.ground(recipe, request, story.say)
        locked = await self._locking.known(recipe, revision, request, ground)
        steps: tuple[str, ...] = ("Its packages are not locked yet: they would be resolved first.",)
        if locked is not None:
            order = Order(request=request, revision=revision, content=content, recipe=recipe, plan=plan, locked=locked)
            known = f"Its packages are locked: {len(locked.lock.wheels)}."
            steps = (known, *await self._targets(request).outlook(order))
        return Outlook(
            plan=plan.path.value,
            why=plan.why,
            python=ground.interpreter.version,
            locked=locked is not None,
            steps=steps,
        )


def _tell_plan(story: Story, recipe: Recipe, plan: Plan) -> None:
    for warning in recipe.warnings:
        story.say(f"Note: {warning}\n")
    story.tell(Planned(plan.path.value, plan.why))
