"""A workshop that pushes: tiny packages, a base image of one file, and a registry in memory."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.builds.events import NEXT, Entered, Event, Log, Phase
from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.composer import DryRun
from hubkiln.composer.bases.bases import DEFAULT_BASE
from hubkiln.composer.bases.runtime import runtime
from hubkiln.conventions import LABEL_PYTHONS, SERVER
from hubkiln.data_dir import DataDir
from hubkiln.images import PushSettings
from hubkiln.images.layers import write_layer
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import compose
from hubkiln.local_images.interface import LocalImage
from hubkiln.packages.interface import Locker, Wheel
from hubkiln.recipes import Need
from hubkiln.repositories import Repositories
from hubkiln.sandbox import BuildEngine
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.workshop import InMemoryLocks, fake_workshop
from hubkiln.trees import Entry
from hubkiln.values import Say

VERSION = ".".join(map(str, sys.version_info[:3]))


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
    starts: bool = True
    """Whether a repository's ``start`` comes to what it is given."""
    images: list[LocalImage] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when it was asked."""

    async def __call__(self, image: LocalImage, argv: Sequence[str], say: Say) -> int:
        self.images.append(image)
        self.asked.set()
        if argv[0] != SERVER and not self.starts:
            return 0
        say("6.1.1\n" if self.code == 0 else "ImportError: no\n")
        return self.code


class Builder:
    """One machine: its data folder, and a pipeline that pushes."""

    def __init__(
        self,
        folder: Path,
        repositories: FakeRepositories | Repositories,
        wheels: Sequence[Wheel],
        locks: InMemoryLocks,
        locker: Locker | None = None,
        push: PushSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        engine: BuildEngine | None = None,
        can: frozenset[Need] = frozenset(),
    ) -> None:
        self.data = DataDir(folder).make()
        self.told = Told()
        self.checks = Checks()
        put_base(OciLayout(self.data.layers).make())
        self._repositories = repositories
        self._workshop = fake_workshop(
            folder,
            repositories,
            locker=locker or FakeLocker(wheels),
            locks=locks,
            run=self.checks,
            push=push or PushSettings(seconds=0),
            sleep=sleep,
            engine=engine,
            can=can,
        )
        self.layout, self.index = self._workshop.layers().layout, self._workshop.layers().index

    async def push(self, text: str, to: str, **more: object) -> Built:
        """Build what `text` names into the registry."""
        return await self.build(self._request(text, to, **more))

    async def build(self, request: BuildRequest) -> Built:
        """Build what `request` asks."""
        self.told = Told()
        return await self._workshop.pipeline.build(request, self.told)

    async def dry_run(self, text: str, to: str) -> DryRun:
        """What :meth:`push` would do."""
        return await self._workshop.pipeline.dry_run(self._request(text, to), Told())

    def _request(self, text: str, to: str, **more: object) -> BuildRequest:
        return BuildRequest(spec=self._repositories.parse(text), push=to, **more)  # type: ignore[arg-type]


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
