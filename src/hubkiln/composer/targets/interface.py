"""Where an environment is made: on this machine's stores, or in a registry. What both are given and give back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hubkiln import __version__
from hubkiln.builds import BuildRequest, Reporter
from hubkiln.composer.bases import Base
from hubkiln.composer.locking import Locked, moment
from hubkiln.composer.steps import StepLayer
from hubkiln.content import Content
from hubkiln.conventions import (
    ADDED_LABEL,
    AS_OF_LABEL,
    BASE_DIGEST,
    BASE_NAME,
    BUILDER_LABEL,
    COMMIT_LABEL,
    GROUND_LABEL,
    KEY_LABEL,
    LOCK_LABEL,
    PYTHON_LABEL,
    REF_LABEL,
    REPO_LABEL,
    SOURCE_LABEL,
    SUBDIR_LABEL,
    VERSION_LABEL,
)
from hubkiln.keys import digest
from hubkiln.packages import EnvironmentOnDisk, Lock
from hubkiln.recipes import Plan, Recipe
from hubkiln.values import FORMAT, Revision, Say

SHAPE = "4"
"""Version of how images are put together; part of every image's key, not of its parts'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that has been looked up, fetched, read and planned."""

    request: BuildRequest
    revision: Revision
    content: Content
    recipe: Recipe
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Prepared, ABC):
    """What is to be made, with everything decided that can be decided before work starts."""

    @property
    @abstractmethod
    def environment_key(self) -> str:
        """Equal exactly when the environment is."""

    @property
    def lock_digest(self) -> str:
        """Of the exact packages; empty where somebody else chooses them."""
        return ""

    @property
    def image_key(self) -> str:
        """As :attr:`environment_key` for the whole image: content, where it came from, and who builds."""
        revision = self.revision
        about = [revision.spec.provider, revision.url, revision.commit, revision.name, revision.spec.subdir]
        about += [revision.origin] if revision.origin else []
        about += [f"+ {revision.spec.packages}"] if revision.spec.packages else []
        return digest([self.environment_key, self.content.key, about, *self._shape(), __version__])

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What every image says of itself."""
        revision = self.revision
        folder = revision.spec.provider == "local"
        commit = "" if folder and revision.spec.ref == "HEAD" else revision.commit  # what lies there is no commit's
        labels = {
            SOURCE_LABEL: revision.url or revision.origin,
            COMMIT_LABEL: commit,
            REPO_LABEL: revision.url or ("local" if folder else ""),
            REF_LABEL: commit,
            KEY_LABEL: self.environment_key,
            BUILDER_LABEL: __version__,
        }
        return tuple(sorted((name, value) for name, value in (labels | self._own_labels()).items() if value))

    @property
    def start(self) -> str | None:
        """Path of the ``start`` script below the repository, where we run it."""
        return self.script

    @property
    def script(self) -> str | None:
        """Path of the ``start`` script below the repository."""
        below = f"{self.revision.spec.subdir}/" if self.revision.spec.subdir else ""
        return f"{below}{self.recipe.start}" if self.recipe.start else None

    def result(self, image: str, *, reused: bool, layers: Mapping[str, int] | None = None, tag: str = "") -> Result:
        """What came of it."""
        return Result(
            image=image,
            environment_key=self.environment_key,
            lock_digest=self.lock_digest,
            reused=reused,
            layers=dict(layers or {}),
            tag=tag,
        )

    def _shape(self) -> list[object]:
        """What else decides the image."""
        return []

    def _own_labels(self) -> dict[str, str]:
        """Labels besides those that every image has."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedOrder(Order):
    """What is composed of exact packages."""

    locked: Locked

    @property
    def environment_key(self) -> str:
        """Equal exactly when the environment is: packages, what they stand on, variables; with steps, the recipe."""
        locked = self.locked
        named = [
            FORMAT,
            locked.base.name,
            locked.base.interpreter.version,
            locked.lock.digest,
            sorted(self.recipe.env),
            locked.recipe_key if self.plan.needs else "",
            *((locked.base.kernel.version,) if locked.base.kernel else ()),
        ]
        return digest(named)

    @property
    def lock_digest(self) -> str:
        """See :class:`Order`."""
        return self.locked.lock.digest

    @property
    def has_content(self) -> bool:
        """False for a package list without a repository."""
        return self.revision.spec.provider != "inline"

    @property
    def as_of(self) -> datetime | None:
        """The moment after which packages do not count; None for now."""
        return moment(self.request.as_of, self.revision)

    def _shape(self) -> list[object]:
        return [self.recipe.start, SHAPE]

    def _own_labels(self) -> dict[str, str]:
        labels = {
            LOCK_LABEL: self.locked.lock.digest,
            GROUND_LABEL: self.locked.base.name,
            PYTHON_LABEL: self.locked.base.interpreter.version,
            VERSION_LABEL: f"hubkiln-{__version__}",  # repo2docker itself puts its own into what it makes
        }
        base = self.locked.base
        labels |= {BASE_DIGEST: base.digest} if base.digest else {}
        labels |= {BASE_NAME: str(base.source)} if base.source else {}
        spec = self.revision.spec
        asked = {SUBDIR_LABEL: spec.subdir, AS_OF_LABEL: self._as_of, ADDED_LABEL: spec.packages}
        return labels | asked

    @property
    def _as_of(self) -> str:
        """It decides no more than the lock does, but names what run steps made."""
        return self.request.as_of if self.plan.needs and self.request.as_of != "today" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of an order."""

    image: str
    environment_key: str
    lock_digest: str = ""
    reused: bool
    """True if nothing had to be made."""
    layers: dict[str, int] = field(default_factory=dict)
    """total, mounted, uploaded, bytes; empty where nothing is pushed."""
    tag: str = ""
    """By which a registry's image is found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a build would do."""

    plan: str
    why: tuple[str, ...]
    python: str = ""
    steps: tuple[str, ...] = ()
    """A sentence each."""
    lock: Lock | None = None
    """None if packages would have to be resolved first; then nothing is known of what follows."""
    labels: tuple[tuple[str, str], ...] = ()
    """What the image would say of itself, if `lock` is known."""
    there: bool = False
    """Whether nothing has to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is left to do where the packages are known."""

    steps: tuple[str, ...]
    """A sentence each."""
    there: bool = False
    """Whether nothing is."""


class Maker(Protocol):
    """Makes what was planned, in one way: composes it, or has it made."""

    async def make(self, prepared: Prepared, reporter: Reporter) -> Result:
        """
        Make it, or find it made.

        Raises:
            UserError: the repository is at fault.
            ServiceError: safe to try again.
        """

    async def dry_run(self, prepared: Prepared, reporter: Reporter) -> DryRun:
        """What :meth:`make` would do, with nothing changed."""


class Steps(Protocol):
    """What is asked of :class:`hubkiln.composer.steps.run_steps.RunSteps`."""

    async def run(
        self,
        recipe: Recipe,
        base: Base,
        environment: EnvironmentOnDisk,
        content: Content,
        say: Say,
        *,
        as_of: datetime | None = None,
    ) -> tuple[StepLayer, ...]:
        """Run ``apt.txt`` and ``postBuild`` unless they ran before; what each changed."""


class Target(Protocol):
    """Makes environments in one place."""

    async def make(self, order: LockedOrder, reporter: Reporter) -> Result:
        """
        Make what is ordered, or find it made.

        Raises:
            BuildFailed, TooLarge, LockFailed: the repository is at fault.
            Unreachable, DiskFull, AccessDenied, ServiceError.
        """

    async def dry_run(self, order: LockedOrder) -> Work:
        """What :meth:`make` would do, with nothing changed."""
