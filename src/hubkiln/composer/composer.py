"""Makes an environment out of a recipe: lock, packages in the store, one merged folder, a document that names it.

Nothing here decides what a recipe means (:mod:`hubkiln.recipes`) or how a package is placed
(:mod:`hubkiln.packages`); this joins them and remembers which lock belongs to which recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.content import Content
from hubkiln.composer.verify import Run, verify
from hubkiln.errors import BadSpec
from hubkiln.images.interface import LocalImage
from hubkiln.images.local import LocalImages
from hubkiln.packages import EnvironmentOnDisk, Packages
from hubkiln.packages.interface import Lock, LockRequest
from hubkiln.recipes.interface import Need, Recipe
from hubkiln.values import Interpreter, Revision, Say

LOCKS_STAY = timedelta(days=7)
"""How long another repository with the same recipe gets the same lock; a repository keeps its own until *refresh*."""


class LockBook(Protocol):
    """Remembers locks, so that the same recipe gives the same packages."""

    async def find(self, recipe_key: str, repository: str, max_age: timedelta) -> str | None:
        """Text of the lock last kept for this recipe by this repository, or by any within `max_age`."""

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """Remember a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A recipe with its exact packages."""

    recipe_key: str
    lock: Lock
    interpreter: Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An environment in the store."""

    locked: Locked
    environment: EnvironmentOnDisk


class Composer:
    """Composes environments for the sandbox engine on this machine."""

    can: frozenset[Need] = frozenset()
    """What it can do beyond placing wheels."""

    def __init__(self, packages: Packages, images: LocalImages, book: LockBook, run: Run) -> None:
        self._packages, self._images, self._book, self._run = packages, images, book, run

    async def lock(self, recipe: Recipe, revision: Revision, request: BuildRequest, say: Say) -> Locked:
        """
        The exact packages of `recipe`: those it got before, or a new lock.

        Raises:
            LockFailed, Unreachable; BadSpec: ``as_of`` is no date.
        """
        interpreter = await self._packages.interpreter(recipe.python)
        as_of = moment(request.as_of, revision)
        key = self._packages.recipe_key(recipe, interpreter, request.as_of if as_of else "today")
        text = None if request.refresh else await self._book.find(key, revision.url or revision.name, LOCKS_STAY)
        if text is not None:
            say("These requirements were locked before; the same packages are used again.\n")
            lock = self._packages.parse(text, interpreter)
        else:
            lock = await self._packages.lock(lock_request(recipe, interpreter, as_of), say)
        await self._book.keep(key, revision.url or revision.name, lock.text, lock.digest)
        say(f"{len(lock.wheels)} packages for Python {interpreter.version}.\n")
        return Locked(recipe_key=key, lock=lock, interpreter=interpreter)

    async def make(self, locked: Locked, say: Say, progress: Callable[[int, int], None]) -> Made:
        """The environment of `locked`, put together unless it is already in the store."""
        environment = await self._packages.environment(locked.lock, locked.interpreter, say, progress)
        if environment.reused:
            say("This environment was built before; it is used again.\n")
        return Made(locked=locked, environment=environment)

    def image(self, revision: Revision, content: Content, recipe: Recipe, made: Made) -> tuple[str, LocalImage]:
        """The document that joins environment and content, and its reference."""
        interpreter = made.locked.interpreter
        below = f"{revision.spec.subdir}/" if revision.spec.subdir else ""
        image = LocalImage(
            name=revision.name,
            environment=made.environment.key,
            content=None if revision.spec.provider == "inline" else content.key,
            python=str(interpreter.path),
            python_roots=tuple(str(root) for root in interpreter.roots),
            env=recipe.env,
            start=f"{below}{recipe.start}" if recipe.start else None,
            workdir=revision.spec.subdir,
            labels=(
                ("org.opencontainers.image.source", revision.url),
                ("org.opencontainers.image.revision", revision.commit),
                ("io.hubkiln.environment-key", made.environment.key),
                ("io.hubkiln.lock-digest", made.locked.lock.digest),
            ),
        )
        return self._images.put(image), image

    async def verify(self, image: LocalImage, made: Made, say: Say) -> None:
        """Check once per environment that a hub's server starts in it; raises BuildFailed."""
        marker = made.environment.path.with_name(f"{made.environment.key}.verified")
        if marker.exists():
            return
        await verify(image, self._run, say)
        marker.touch()


def lock_request(recipe: Recipe, interpreter: Interpreter, as_of: datetime | None) -> LockRequest:
    """What is to be locked for `recipe`."""
    return LockRequest(
        requirements=recipe.requirements, constraints=recipe.constraints, python=interpreter, as_of=as_of
    )


def moment(as_of: str, revision: Revision) -> datetime | None:
    """
    The moment after which packages do not count; None for now.

    Raises:
        BadSpec: neither ``today``, ``commit`` nor an ISO date, or the commit's date is not known.
    """
    if as_of in ("", "today"):
        return None
    if as_of == "commit":
        if revision.committed_at is None:
            raise BadSpec("The date of this commit is not known.", hint="Give a date such as 2024-05-31 instead.")
        return revision.committed_at
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise BadSpec(f"{as_of!r} is not a date.", hint="Write today, commit, or a date such as 2024-05-31.") from None
    return datetime.combine(day, time.max, UTC)
