"""A build on one screen: look the repository up, fetch it, read its recipe, plan, make.

Each step is a package of its own; this is the only place that knows their order. It implements
:class:`hubkiln.builds.interface.Builder`, so the command line runs it directly and the service behind its wrappers
(joined, queued, limited, recorded).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime

from hubkiln.builds import BuildRequest, Built, Intended, Phase, Planned, Reporter, Resolved, Tell, as_of_date
from hubkiln.composer import DryRun, Maker, Planner, Prepared, Result, version_files
from hubkiln.content import Contents
from hubkiln.errors import AccessDenied, EngineMissing, ServiceError
from hubkiln.folders import disk_told
from hubkiln.images import PushSettings
from hubkiln.keys import repository_key
from hubkiln.recipes import PlanKind, Reading, with_packages, within
from hubkiln.repositories import AnyRepositories
from hubkiln.values import Revision

DOCTOR = "`hubkiln doctor` says what works here and what does not."


class Pipeline:
    """Builds one environment after another, as often as asked, at the same time or not."""

    def __init__(
        self,
        repositories: AnyRepositories,
        contents: Contents,
        planner: Planner,
        makers: Mapping[PlanKind, Maker],
        refusal: Callable[[], Awaitable[str]],
        lease: Callable[[str], AbstractContextManager[object]] = nullcontext,
        push: PushSettings | None = None,
        ahead: Callable[[str | None], Awaitable[None]] | None = None,
    ) -> None:
        """
        `makers` has one for every kind of plan that `planner` makes. `refusal` says why nothing that is built could
        be tried here; empty if it can. A `lease` of the stores is held while something is made of what they have.
        `push` says where images go of requests that do not. `ahead` raises if the disk is full or the
        base image that is named, if one is, cannot be had: it is asked before anything is fetched.
        """
        self._repositories, self._contents, self._refusal = repositories, contents, refusal
        self._planner, self._makers, self._lease = planner, makers, lease
        self._push, self._ahead = push or PushSettings(), ahead

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        with disk_told(), self._lease(f"a build of {request.spec.repository}"):
            return await self._build(request, Reporter(tell))

    async def dry_run(self, request: BuildRequest, tell: Tell) -> DryRun:
        """
        What :meth:`build` would do. The repository is fetched to read it; nothing else is changed.

        `tell` gets what a build tells, but the plan, which is returned.

        Raises:
            as :meth:`build`.
        """
        reporter = Reporter(lambda event: None if isinstance(event, Planned) else tell(event))
        with disk_told(), self._lease(f"a plan for {request.spec.repository}"), Reading() as reading:
            prepared = await self._prepared(request, reporter, reading)
            return await self._makers[prepared.plan.kind].dry_run(prepared, reporter)

    async def intended(self, request: BuildRequest) -> Intended | None:
        """
        What :meth:`build` would do, where that can be told without asking anybody else; the revision is known.

        Raises:
            as :meth:`build`.
        """
        revision = request.revision
        if revision is None or (revision.url and not self._contents.here(revision)):
            return None
        found = await self.dry_run(request, lambda event: None)
        return Intended(plan=found.plan, why=found.why + found.steps[1:], there=found.there)

    async def _build(self, request: BuildRequest, reporter: Reporter) -> Built:
        if request.push is None and self._push.target is None:  # then every plan's result is tried here
            await self._check_sandbox()
        with Reading() as reading:  # ready by the time that there is something to read
            prepared = await self._prepared(request, reporter, reading)
        await self._check_that_it_can_be_tried(prepared)
        made = await self._made(prepared, reporter)
        return Built(
            image=self._push.target.pulled(made.image) if self._push.target else made.image,
            environment_key=made.environment_key,
            commit=prepared.revision.commit,
            name=prepared.revision.name,
            plan=prepared.plan.kind.value,
            why=prepared.plan.why,
            reused=made.reused,
            seconds=reporter.seconds,
            lock_digest=made.lock_digest,
            layers=made.layers,
            tag=made.tag,
        )

    async def _made(self, prepared: Prepared, reporter: Reporter) -> Result:
        try:
            return await self._makers[prepared.plan.kind].make(prepared, reporter)
        except AccessDenied as error:
            if self._push.target is None:
                raise
            raise ServiceError(error.message, hint=f"An admin's turn. {error.hint}") from error

    async def _check_that_it_can_be_tried(self, prepared: Prepared) -> None:
        """Known before anything is made. What goes elsewhere may go untried; what runs steps cannot be made untried."""
        plan, pushed = prepared.plan, prepared.request.push is not None
        if pushed and (plan.kind is PlanKind.REPO2DOCKER or not plan.needs):
            return
        if not pushed:
            await self._check_sandbox()
        elif reason := await self._refusal():
            asked = f"{'; '.join(plan.why)}: a sandbox, which the build service cannot make. {reason}"
            raise EngineMissing(asked, hint=f"Ask for packages that come as wheels alone; or an admin's turn: {DOCTOR}")

    async def _check_sandbox(self) -> None:
        if reason := await self._refusal():
            raise EngineMissing(
                f"Nothing can be built on this machine, because what is built is tried in a sandbox. {reason}",
                hint=DOCTOR,
            )

    async def _prepared(self, request: BuildRequest, reporter: Reporter, reading: Reading) -> Prepared:
        as_of_date(request.as_of, datetime.now(UTC))
        with reporter.phase(Phase.RESOLVING):
            revision = request.revision or await self._repositories.resolve(request.spec)
            reporter.tell(Resolved(revision.commit))
            reporter.say(f"{request.spec.repository} is at {revision.commit[:12]}.\n")
            destined = self._destined(request, revision)
            if self._ahead is not None:
                await self._ahead(destined.base_image)
        with reporter.phase(Phase.FETCHING):
            content = await self._contents.ensure(revision, reporter.say)
            if request.as_of == "commit":
                revision = await self._contents.dated(revision, content)
        with reporter.phase(Phase.PLANNING):
            read = within(await reading.read(content.root), self._planner.can)
            recipe = with_packages(read, request.spec.packages.splitlines())
            plan = await self._planner.plan(recipe)
            content = await self._contents.with_history(revision, content, version_files(recipe), reporter.say)
            revision = replace(revision, history=content.history)
            for warning in recipe.warnings:
                reporter.say(f"Note: {warning}\n")
            reporter.tell(Planned(plan.kind.value, plan.why))
        return Prepared(request=destined, revision=revision, content=content, recipe=recipe, plan=plan)

    def _destined(self, request: BuildRequest, revision: Revision) -> BuildRequest:
        """`request` with the place where its image goes, if the admin chose one."""
        if self._push.target is None or request.push is not None:
            return request
        mark = repository_key(revision.spec)[:8]
        push = self._push.target.repository(revision.name, mark)
        return replace(request, push=push, base_image=request.base_image or self._push.base_image)
