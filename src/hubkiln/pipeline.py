"""The story on one screen: look the repository up, fetch it, read its recipe, lock, build, check.

Each step is a package of its own; this is the only place that knows their order. It implements
:class:`hubkiln.builds.interface.Builder`, so the command line runs it directly and the service behind its wrappers
(joined, queued, limited, recorded).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hubkiln import recipes
from hubkiln.builds.events import Entered, Log, Phase, Planned, Progress, Resolved
from hubkiln.builds.interface import BuildRequest, Built, Tell
from hubkiln.composer.composer import Composer
from hubkiln.composer.content import Contents
from hubkiln.errors import DiskFull
from hubkiln.recipes.interface import Plan, Recipe
from hubkiln.repositories import Repositories


@dataclass
class Story:
    """One build being told: where it is and how long each phase took."""

    tell: Tell
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Everything inside belongs to `phase`."""
        self.tell(Entered(phase))
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase.value] = round(time.monotonic() - start, 3)

    def say(self, text: str) -> None:
        """Log text for whoever watches."""
        self.tell(Log(text))

    def progress(self, done: int, total: int) -> None:
        """Bytes done of bytes in all."""
        self.tell(Progress(done, total))


class Pipeline:
    """Builds one environment after another, as often as asked, at the same time or not."""

    def __init__(self, repositories: Repositories, contents: Contents, composer: Composer) -> None:
        self._repositories, self._contents, self._composer = repositories, contents, composer

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
            plan = recipes.plan(recipe, self._composer.can)
            _tell_plan(story, recipe, plan)
        with story.phase(Phase.LOCKING):
            locked = await self._composer.lock(recipe, revision, request, story.say)
        with story.phase(Phase.BUILDING):
            made = await self._composer.make(locked, story.say, story.progress)
            reference, image = self._composer.image(revision, content, recipe, made)
        with story.phase(Phase.VERIFYING):
            await self._composer.verify(image, made, story.say)
        return Built(
            image=reference,
            environment_key=made.environment.key,
            commit=revision.commit,
            name=revision.name,
            plan=plan.path.value,
            why=plan.why,
            reused=made.environment.reused,
            seconds=story.seconds,
            lock_digest=locked.lock.digest,
        )


def _tell_plan(story: Story, recipe: Recipe, plan: Plan) -> None:
    for warning in recipe.warnings:
        story.say(f"Note: {warning}\n")
    story.tell(Planned(plan.path.value, plan.why))
