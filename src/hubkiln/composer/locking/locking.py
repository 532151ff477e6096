"""From a recipe to its exact packages: the lock it got before, or a new one.

A package without a wheel, a package from git and the repository itself are built into wheels first and then locked
like any other, so everything after this step knows wheels only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln import recipes
from hubkiln.builds import BuildRequest
from hubkiln.composer.bases import Base, Bases
from hubkiln.composer.locking.beside import notebooks, with_server
from hubkiln.composer.locking.conda import before_solving, condas_minor, over, solve, with_conda
from hubkiln.composer.locking.date import moment
from hubkiln.composer.locking.interface import LockBook, Locked, asked
from hubkiln.composer.locking.python_choice import (
    DEFAULT,
    Candidates,
    candidates,
    first_had,
    not_allowed,
    one_of,
    python_of,
    with_choice,
    with_python,
)
from hubkiln.composer.sources import Sources, SourceWheels
from hubkiln.composer.steps import StepLayer
from hubkiln.content import Content
from hubkiln.errors import BuildFailed, LockFailed, NotFound
from hubkiln.keys import digest
from hubkiln.packages import KERNELS, Choice, Lock, Packages, Wheel, is_kernel, some, stack_minors
from hubkiln.recipes import Need, Recipe, needs
from hubkiln.values import Revision, Say

ALL = stack_minors() | frozenset(KERNELS)
"""Pythons that an environment can have, as the server's or as a kernel's."""

LOCKS_STAY = timedelta(days=7)
"""How long another repository with the same recipe gets the same lock; a repository keeps its own until *refresh*."""


class System(Protocol):
    """What is asked of :class:`hubkiln.composer.steps.run_steps.RunSteps`."""

    async def system(self, recipe: Recipe, base: Base, say: Say) -> tuple[StepLayer, ...]:
        """What ``apt.txt`` adds, for builds from source that need it."""


class Locking:
    """Locks recipes; `sources` is None where nothing can be built."""

    def __init__(
        self,
        packages: Packages,
        bases: Bases,
        book: LockBook,
        sources: SourceWheels | None = None,
        steps: System | None = None,
        default: str = DEFAULT,
    ) -> None:
        self._packages, self._bases = packages, bases
        self._book, self._sources, self._steps = book, sources, steps
        self._default = default

    async def base(self, recipe: Recipe, request: BuildRequest, say: Say) -> Base:
        """
        What `recipe` will stand on: a base image where one is asked for or needed, else this machine.

        Its Python is the one asked for, or the default; :meth:`known` and :meth:`new` say which it really gets.

        Raises:
            Unsupported: there is no such Python. NotReady: no base image was made yet; and see :class:`Bases`.
        """
        if recipe.conda:
            return await self._condas_base(recipe, request, say)
        if recipe.python is not None and is_kernel(recipe.python) and not wants_image(recipe, request):
            await self._packages.interpreter(recipe.python, say)  # or say now that there is none
        return await self._servers_base(recipe, request, recipe.python, say)

    async def _condas_base(self, recipe: Recipe, request: BuildRequest, say: Say) -> Base:
        """The same where conda brings Python."""
        self._packages.conda.check(recipe.conda, recipe.channels)
        minor = condas_minor(recipe, self._default)
        if is_kernel(minor):
            base = await self._servers_base(recipe, request, minor, say)
        elif wants_image(recipe, request):
            base = await self._bases.image(request.base_image, None, say)
        else:
            base = await self._bases.host(None)
        return before_solving(base, minor)

    async def _servers_base(self, recipe: Recipe, request: BuildRequest, minor: str | None, say: Say) -> Base:
        """A base with the Python `minor`; with the default one, if nobody asks or the server cannot run in `minor`."""
        server = None if minor is None or is_kernel(minor) else minor
        if not wants_image(recipe, request):
            return await self._bases.host(server or await self._packages.here(self._default))
        base = await self._bases.image(request.base_image, server, say)
        if server is None and self._default in base.minors[1:]:
            return await self._bases.image(request.base_image, self._default, say)
        return base

    async def foresee(self, recipe: Recipe, at: datetime | None, base: Base | None, say: Say) -> None:
        """
        See that there is a Python for `recipe` on `base`, or for None on the default image that is still to be made.

        Images of ours are given this machine's Pythons, and what is in any image is compiled here.

        Raises:
            Unsupported, LockFailed: there is none.
        """
        if recipe.conda:  # which brings it
            return
        minors = self._candidates(recipe, base, at, ()).minors
        if base is not None and not base.takes_pythons and minors[0] not in base.minors:
            await self._bases.with_kernel(base, minors[0], say)  # which says that it cannot be
        await one_of(minors, self._packages, say)

    async def known(self, recipe: Recipe, revision: Revision, request: BuildRequest, base: Base) -> Locked | None:
        """
        The packages it got before, if they are all still to be had; None if a new lock must be made.

        Raises:
            NotFound: a lock is asked for that is not kept here.
        """
        as_of = moment(request.as_of, revision)
        text: str | None
        if request.lock is not None:
            text = await self.kept(request.lock)
        elif request.refresh:
            return None
        else:
            text = await self._book.find(self._question(recipe, revision, base, as_of), whose(revision), LOCKS_STAY)
        if text is None:
            return None
        base = await self._on(python_of(text), recipe, request, base, lambda text: None)
        lock = self._packages.parse(text, base.interpreter)
        if not all(self._there(wheel) for wheel in (*lock.wheels, *(lock.kernel.wheels if lock.kernel else ()))):
            return None
        if lock.kernel is not None and lock.kernel.conda is None:
            base = await self._bases.with_kernel(base, lock.kernel.python, lambda text: None)
        key = self._key(recipe, revision, base, as_of)
        return Locked(recipe_key=key, lock=lock, base=with_conda(base, lock))

    async def kept(self, digest: str) -> str:
        """
        Text of the lock with this digest.

        Raises:
            NotFound: it is not kept here.
        """
        text = await self._book.by_digest(digest)
        if text is None:
            raise NotFound(
                f"The lock {digest[:16]} is not kept on this machine.",
                hint="Build on the machine that made it, or give the lock that it exported as a file.",
            )
        return text

    async def new(
        self, recipe: Recipe, revision: Revision, request: BuildRequest, base: Base, content: Content, say: Say
    ) -> Locked:
        """
        The exact packages of `recipe` on `base`, resolved now.

        Raises:
            LockFailed, Unreachable, BuildFailed; BadSpec: ``as_of`` is no date.
        """
        as_of = moment(request.as_of, revision)
        if recipe.conda and base.kernel is None:
            lock = await self._new(recipe, base, as_of, content, say)
        elif recipe.conda:
            server = await self._on(self._default if base.takes_pythons else None, recipe, request, base, say)
            base = replace(server, kernel=base.kernel)
            kernel = await self._new(recipe, notebooks(base), as_of, content, say)
            lock = await with_server(self._packages, recipe, base, kernel, say)
        else:
            base, lock = await self._with_python(recipe, request, base, as_of, content, say)
        key = self._key(recipe, revision, base, as_of)
        return Locked(recipe_key=key, lock=lock, base=with_conda(base, lock))

    async def _with_python(
        self,
        recipe: Recipe,
        request: BuildRequest,
        base: Base,
        as_of: datetime | None,
        content: Content,
        say: Say,
    ) -> tuple[Base, Lock]:
        """`base` with the Python that fits, and the lock for it."""
        wanted = asked(recipe, base, as_of)

        def choose(first: Candidates) -> Awaitable[Choice]:
            return self._packages.choose_python(wanted, first.minors, say)

        async def having(minor: str) -> Base:
            if not is_kernel(minor):
                return await self._on(minor, recipe, request, base, say)
            server = await self._on(self._default if base.takes_pythons else None, recipe, request, base, say)
            return await self._bases.with_kernel(server, minor, say)

        among = partial(self._candidates, recipe, base, as_of)
        base, choice, why = await first_had(
            choose, having, among, say, lambda had: not_allowed(recipe, notebooks(had).interpreter.version)
        )
        try:
            ready = None if recipe.direct or recipe.local else choice.lock
            lock = ready or await self._new(recipe, notebooks(base), as_of, content, say)
        except (BuildFailed, LockFailed) as error:
            raise with_choice(error, choice) from error
        lock = replace(lock, text=with_python(lock.text, choice.minor, why))
        if base.kernel is None:
            return base, lock
        return base, await with_server(self._packages, recipe, base, lock, say)

    async def keep(self, recipe: Recipe, revision: Revision, request: BuildRequest, base: Base, locked: Locked) -> None:
        """Remember what `recipe` on `base` got, for :meth:`known`."""
        question = self._question(recipe, revision, base, moment(request.as_of, revision))
        await self._book.keep(question, whose(revision), locked.lock.text, locked.lock.digest)

    async def _new(self, recipe: Recipe, base: Base, as_of: datetime | None, content: Content, say: Say) -> Lock:
        if recipe.conda:
            base = over(base, await solve(self._packages, recipe, base, as_of, say))
        wanted = asked(recipe, base, as_of)
        if self._sources is None:
            return await self._packages.lock(wanted, say)

        async def system() -> tuple[StepLayer, ...]:
            return await self._steps.system(recipe, base, say) if self._steps is not None else ()

        sources = Sources(direct=recipe.direct, local=recipe.local)
        built = await self._sources.build(sources, base, content, say, below=system, as_of=as_of, hashes=recipe.hashes)
        ours = {one.wheel.name for one in built}
        others = tuple(line for line in recipe.requirements if canonicalize_name(Requirement(line).name) not in ours)
        return await self._sources.lock(replace(wanted, requirements=others), base, built, say, below=system)

    def _there(self, wheel: Wheel) -> bool:
        """False for a wheel that was built here and is gone."""
        return not wheel.url.startswith("file:") or self._packages.store.downloads.path(wheel).exists()

    def _candidates(self, recipe: Recipe, base: Base | None, at: datetime | None, gone: Collection[str]) -> Candidates:
        offered = ALL if base is None or base.takes_pythons else stack_minors() & frozenset(base.minors)
        return candidates(recipe, self._default, at or datetime.now(UTC), offered, gone)

    async def _on(self, minor: str | None, recipe: Recipe, request: BuildRequest, base: Base, say: Say) -> Base:
        """`base` with the Python `minor`, if that is another than it has."""
        if minor in (None, base.interpreter.minor) or (recipe.conda and base.kernel is None):
            return base
        if base.is_host:
            return await self._bases.host(minor)
        return await self._bases.image(request.base_image, minor, say)

    def _key(self, recipe: Recipe, revision: Revision, base: Base, as_of: datetime | None) -> str:
        return self._named(recipe, base.interpreter.version, revision, base, as_of)

    def _named(self, recipe: Recipe, python: str, revision: Revision, base: Base, as_of: datetime | None) -> str:
        return recipes.recipe_key(
            recipe,
            python=python,
            base=base.name,
            commit=revision.identity,
            subdir=revision.spec.subdir,
            platform=self._packages.platform,
            as_of=as_of.isoformat() if as_of else "",
        )

    def _question(self, recipe: Recipe, revision: Revision, base: Base, as_of: datetime | None) -> str:
        """
        Name of a question to the locker: a script that runs later is no part of it.

        Nor is the Python, where the repository names none: it is part of the answer.
        """
        meant = recipe if recipe.local else replace(recipe, whole_tree=None, post_build=None, apt=(), env=())
        python = notebooks(base).interpreter.minor if recipe.conda else recipe.python
        minors = [python] if python else sorted(ALL)
        named = [
            self._named(meant, python or f"{self._default} or {recipe.requires_python}", revision, base, as_of),
            [self._packages.context(some(minor)) for minor in minors],
        ]
        return digest(named)


def wants_image(recipe: Recipe, request: BuildRequest) -> bool:
    """Whether a build stands on a base image instead of this machine's own system."""
    return request.push is not None or request.base_image is not None or Need.APT in needs(recipe)


def whose(revision: Revision) -> str:
    """The repository that keeps a lock as its own."""
    return revision.url or revision.name
