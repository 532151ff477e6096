"""A whole builder of images on tiny packages, a base image of one file, and a registry in memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.builds.events import NEXT, Entered, Event, Log, Phase
from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.composer import Composer, DryRun, Planner
from hubkiln.composer.bases.bases import DEFAULT_BASE, Bases
from hubkiln.composer.bases.runtime import runtime
from hubkiln.composer.locking.locking import Locking
from hubkiln.composer.steps.run_steps import RunSteps
from hubkiln.composer.targets.layers import PushTools
from hubkiln.composer.targets.registry import RegistryTarget
from hubkiln.composer.targets.smoke_test import SmokeTest
from hubkiln.content.store import Contents
from hubkiln.conventions import LABEL_PYTHONS
from hubkiln.data_dir import DataDir
from hubkiln.images.credentials import FixedLogins
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.layer_index import SqliteLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layers import write_layer
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import compose
from hubkiln.images.registry import RegistryClient
from hubkiln.local_images.interface import LocalImage
from hubkiln.packages.interface import Locker, Wheel
from hubkiln.packages.packages import Packages
from hubkiln.pipeline import Pipeline
from hubkiln.recipes import PlanKind
from hubkiln.repositories import Repositories
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import SandboxSettings
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.trees import Entry
from hubkiln.values import Say

VERSION = ".".join(map(str, sys.version_info[:3]))


@dataclass
class Book:
    """Locks in memory."""

    locks: dict[tuple[str, str], str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    async def find(self, recipe_key: str, repository: str, max_age: object) -> str | None:
        return self.locks.get((recipe_key, repository))

    async def by_digest(self, digest: str) -> str | None:
        return self.digests.get(digest)

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        self.locks[recipe_key, repository] = self.digests[digest] = text


@dataclass
class Told:
    """A build's events; it takes no phase that may not follow."""

    phases: list[Phase] = field(default_factory=lambda: [Phase.QUEUED])
    text: str = ""
    more: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when text is added."""

    async def until(self, words: str) -> None:
        """Return when the log has `words`."""
        while words not in self.text:
            self.more.clear()
            await self.more.wait()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Entered):
            assert event.phase in NEXT[self.phases[-1]], (self.phases, event)
            self.phases.append(event.phase)
        elif isinstance(event, Log):
            self.text += event.text
            self.more.set()


@dataclass
class Checks:
    """Stands in for running a server: how often it was asked, and what it answers."""

    code: int = 0
    images: list[LocalImage] = field(default_factory=list)

    async def __call__(self, image: LocalImage, argv: Sequence[str], say: Say) -> int:
        self.images.append(image)
        say("6.1.1\n" if self.code == 0 else "ImportError: no\n")
        return self.code


class Builder:
    """One machine: its data folder, and a pipeline that pushes."""

    def __init__(
        self,
        folder: Path,
        repositories: FakeRepositories | Repositories,
        wheels: Sequence[Wheel],
        book: Book,
        locker: Locker | None = None,
    ) -> None:
        self.data = DataDir(folder).make()
        self.told = Told()
        self.checks = Checks()
        self.layout = OciLayout(self.data.layers).make()
        put_base(self.layout)
        packages = Packages(self.data, locker=locker or FakeLocker(wheels))
        engine = SandboxEngine(SandboxSettings(state=self.data.work / "sandboxes"))
        bases = Bases(self.data, packages, engine, client)
        self.index = SqliteLayerIndex(self.data.layers / "index.sqlite")
        layers = LayerStore(self.layout, self.index)
        tools = PushTools(
            data=self.data,
            packages=packages,
            bases=bases,
            layers=layers,
            clients=client,
            run_steps=RunSteps(self.data, engine, bases),
            smoke_test=SmokeTest(data=self.data, packages=packages, bases=bases, run=self.checks),
        )
        self._repositories = repositories
        contents = Contents(self.data, repositories, prepare=lambda path: None)
        target = RegistryTarget(tools)
        composer = Composer(bases=bases, locking=Locking(packages, bases, book), targets=lambda request: target)
        self._pipeline = Pipeline(repositories, contents, Planner(), {PlanKind.COMPOSE: composer})

    async def push(self, text: str, to: str, **more: object) -> Built:
        """Build what `text` names into the registry."""
        return await self.build(self._request(text, to, **more))

    async def build(self, request: BuildRequest) -> Built:
        """Build what `request` asks."""
        self.told = Told()
        return await self._pipeline.build(request, self.told)

    async def dry_run(self, text: str, to: str) -> DryRun:
        """What :meth:`push` would do."""
        return await self._pipeline.dry_run(self._request(text, to), Told())

    def _request(self, text: str, to: str, **more: object) -> BuildRequest:
        return BuildRequest(spec=self._repositories.parse(text), push=to, **more)  # type: ignore[arg-type]


def client() -> RegistryClient:
    """A client without logins."""
    return RegistryClient(RegistrySettings(attempts=1), credentials=FixedLogins({}))


def put_base(layout: OciLayout, labels: dict[str, str] | None = None) -> None:
    """A base image that says it has our Python, unless other `labels` are given, and holds one file."""
    with layout.partial() as path:
        text = b"tiny\n"
        layer = write_layer([Entry(path="os-release", mode=0o644, size=len(text), source=text)], path)
        layout.adopt(path, layer.descriptor.digest)
    image = compose(
        None, [(layer, "base")], runtime({LABEL_PYTHONS: f"{VERSION}=/usr/bin/python3"} if labels is None else labels)
    )
    layout.put(image.config)
    layout.put(image.manifest)
    layout.tag(DEFAULT_BASE, image.descriptor)
