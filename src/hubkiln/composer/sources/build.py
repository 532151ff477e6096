"""Builds wheels of source: archives of the index, git repositories, and the repository's own packages.

What comes out is locked, stored and layered like any other wheel. Source is built inside a sandbox: no ``setup.py``
ever runs on the host. A build is keyed by what it is built from (a file's hash, a commit, the content), so it happens
once, and its first result is the one that counts.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from hubkiln.composer.bases import Base, Bases
from hubkiln.composer.sources.fetch import Fetching, Hashes, Resolver
from hubkiln.composer.sources.interface import SOURCE, Source, Sources
from hubkiln.composer.sources.trial import OUT, pip_wheel, tried
from hubkiln.composer.steps import (
    StepLayer,
    StepSettings,
    index_variables,
    run_explained,
    step_room,
    with_packages,
)
from hubkiln.content import Content, Contents
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, EngineMissing
from hubkiln.folders import put
from hubkiln.keys import short_digest
from hubkiln.local_images import LocalImage, empty_folder
from hubkiln.packages import (
    Lock,
    LockRequest,
    NeedsBuilding,
    Packages,
    PackageSettings,
    Wheel,
    index_address,
    is_kernel,
    number,
    preferred_stack,
)
from hubkiln.recipes import NODE
from hubkiln.sandbox import BuildEngine, Mount, Network, Overlay, remove_tree
from hubkiln.stores import use
from hubkiln.turns import Turns
from hubkiln.values import FORMAT, Say

ROUNDS = 20
"""Times that a lock may find one more package without a wheel."""

_ISOLATES = (3, 7)
"""Since which Python the newest pip for it brings what a package with a ``setup.py`` alone is built with."""


Below = Callable[[], Awaitable[Sequence[StepLayer]]]
"""Runs the steps that sources may need (``apt.txt``); awaited only when there is something to build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel that was built here."""

    wheel: Wheel
    asked: str
    """Requirement line that means this wheel and no other: ``name[extra]==1.0``."""


class SourceWheels:
    """Builds wheels in the sandbox; equal builds at the same time happen once."""

    def __init__(
        self,
        data: DataDir,
        engine: BuildEngine,
        bases: Bases,
        packages: Packages,
        contents: Contents,
        repositories: Resolver,
        *,
        settings: StepSettings | None = None,
        index: PackageSettings | None = None,
    ) -> None:
        self._data, self._engine, self._bases, self._packages = data, engine, bases, packages
        self._settings = settings or StepSettings()
        self._index = index_address(index.index_url if index else None)
        self._fetching = Fetching(data, packages.store, contents, repositories, self._index)
        self._turns = Turns()

    async def build(
        self,
        sources: Sources,
        base: Base,
        content: Content | None,
        say: Say,
        *,
        below: Below | None = None,
        as_of: datetime | None = None,
        hashes: Hashes = (),
    ) -> tuple[BuiltWheel, ...]:
        """
        A wheel for each of `sources`, built over `base` and what `below` gives, unless it was before.

        `hashes` are those that a repository lists for files of the index.

        Raises:
            BuildFailed, TooLarge: a source's own fault, explained.
            LockFailed: the index has no such source, or another file.
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable, DiskFull.
        """
        layers = await below() if below is not None and sources != Sources() else ()
        found = await self._fetching.every(sources, base.interpreter, content, say, as_of=as_of, hashes=hashes)
        return tuple([await self._wheel(source, base, layers, say) for source in found])

    async def lock(
        self,
        request: LockRequest,
        base: Base,
        built: Sequence[BuiltWheel],
        say: Say,
        *,
        below: Below | None = None,
    ) -> Lock:
        """
        The lock of `request` and of what was `built` for it; packages that have no wheel are built on the way.

        Raises:
            as :meth:`build` and :meth:`hubkiln.packages.interface.Locker.lock`.
        """
        have = {one.wheel.name: one for one in built}
        asked = (*request.requirements, *(one.asked for one in built))
        for _ in range(ROUNDS):
            links = self.links(tuple(have.values())) if have else None
            wanted = replace(request, requirements=asked, allow_sdists=True, find_links=links)
            try:
                return await self._packages.lock(wanted, say)
            except NeedsBuilding as needed:
                missing = Sources(requirements=tuple(needed.requirements))
            more = await self.build(missing, base, None, say, below=below, as_of=request.as_of, hashes=request.hashes)
            if all(have.get(one.wheel.name) == one for one in more):
                break
            have |= {one.wheel.name: one for one in more}
        raise BuildFailed(
            f"Packages were built from source ({', '.join(have)}), and still do not fit what is asked for.",
            hint="Pin their versions, or choose versions that have wheels.",
        )

    def links(self, built: Sequence[BuiltWheel]) -> Path:
        """A folder with the wheels of `built` alone; it stays, because locks name it."""
        wheels = sorted((one.wheel.sha256, one.wheel.filename) for one in built)
        folder = self._built / "links" / short_digest(wheels)
        use(self._data.root, folder, *(self._data.wheels / sha256 for sha256, _ in wheels))
        if not folder.is_dir():
            new = self._data.work / f"links-{uuid.uuid4().hex}"
            new.mkdir(parents=True)
            for sha256, filename in wheels:
                os.link(self._data.wheels / sha256 / filename, new / filename)
            put(new, folder)
        return folder

    @property
    def _built(self) -> Path:
        return self._data.root / "built"

    async def _wheel(self, source: Source, base: Base, below: Sequence[StepLayer], say: Say) -> BuiltWheel:
        if source.file is not None and source.file.suffix == ".whl":  # there is nothing to build
            wheel = await asyncio.to_thread(self._packages.store.add_built, source.file)
            return BuiltWheel(wheel=wheel, asked=_exact(source, wheel))
        named = [FORMAT, source.identity, base.interpreter.version, base.name, [layer.key for layer in below]]
        folder = self._built / short_digest(named)
        async with self._turns.of(folder.name):
            use(self._data.root, folder)
            if folder.is_dir():
                say(f"A wheel of {source.title} was built before.\n")
            else:
                await self._make(source, base, below, folder, say)
        path = next(folder.glob("*.whl"))
        wheel = await asyncio.to_thread(self._packages.store.add_built, path)
        return BuiltWheel(wheel=wheel, asked=_exact(source, wheel))

    async def _make(self, source: Source, base: Base, below: Sequence[StepLayer], folder: Path, say: Say) -> None:
        if reason := await self._engine.refusal():
            raise EngineMissing(
                f"There is no ready-made package for {source.title}, and none can be built from source here. {reason}",
                hint="Ask for a version that comes as a wheel; or an admin's turn: `hubkiln doctor` says more.",
            )
        say(f"Building {source.title} from source, {self._engine.place}.\n")
        if self._settings.reach.network is Network.NONE:
            say("Note: builds have no network here, so they can only use what is installed.\n")
        work = self._data.work / f"build-{uuid.uuid4().hex}"
        try:
            work.mkdir(parents=True)
            image = await self._image(source, base, say)
            run = partial(self._run, source, base, below, work, image)
            out = await tried(run, base.interpreter.minor, say)
            kept = work / "kept"
            kept.mkdir()
            await asyncio.to_thread(_keep, out, kept, source.title)
            if base.is_host and not next(kept.glob("*.whl")).name.endswith("-any.whl"):
                say(
                    f"Note: {source.title} was compiled by this machine's own compiler. An image that is pushed needs "
                    "one of its own: a line `build-essential` in apt.txt.\n"
                )
            put(kept, folder)
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, work))

    async def _run(
        self,
        source: Source,
        base: Base,
        below: Sequence[StepLayer],
        work: Path,
        image: LocalImage,
        limit: str,
        say: Say,
    ) -> Path:
        """Run pip in `image`, with a `limit` to setuptools if any; returns the folder that it wrote to."""
        work = work / f"run{limit}"
        work.mkdir()
        settings = with_packages(self._settings, self._index, self._data, image.rootfs)
        room = step_room(self._data, image, below, work, settings, name="build")
        out = Overlay(target=OUT, lowers=(empty_folder(self._data.rooms),), upper=work / "out")
        mounts = room.mounts
        if source.file is not None:
            mounts = (*mounts, Mount(source=source.file, target=f"{SOURCE}/{source.file.name}"))
        env = room.env | index_variables(self._index)
        overlays = (*room.overlays, out)
        room = replace(room, overlays=overlays, mounts=mounts, env=env, cwd="/tmp", all_programs=True)
        what = f"Building {source.title} from source"
        command = pip_wheel(source.argument, base.interpreter.minor, limit)
        await run_explained(self._engine, room, command, say, what=what, reach=settings.reach)
        return work / "out"

    async def _image(self, source: Source, base: Base, say: Say) -> LocalImage:
        """
        An environment with pip alone, in the version of the Jupyter stack, and Node.js where it is asked for; build
        requirements pip gets itself.
        """
        python, worker = base.interpreter, await self._bases.worker(base)
        known = {} if base.conda else dict(preferred_stack(python.minor))
        names = ("pip", "setuptools", "wheel") if number(python.minor) < _ISOLATES else ("pip",)
        if source.node and not is_kernel(python.minor):
            names = (*names, NODE)
        wanted = tuple(f"{name}=={known[name]}" if name in known else name for name in names)
        request = LockRequest(requirements=wanted, python=worker, stack=False, conda=base.conda)
        lock = await self._packages.lock(request, say)
        environment = await self._packages.environment(lock, python, lambda text: None, compiler=worker)
        return LocalImage(
            name="build",
            environment=environment.key,
            rootfs=(await self._bases.unpacked(base, say)).rootfs,
            content=source.content,
            python_roots=tuple(str(root) for root in python.roots),
        )


def _keep(out: Path, kept: Path, title: str) -> None:
    """Take the one wheel from what the sandbox wrote; anything but an ordinary file is refused when it is stored."""
    wheels = list(_wheels(out))
    if len(wheels) != 1:
        raise BuildFailed(f"Building {title} from source made {len(wheels)} wheels instead of one.")
    handle = os.open(wheels[0], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as source, (kept / wheels[0].name).open("xb") as copy:
        shutil.copyfileobj(source, copy)


def _wheels(out: Path) -> Iterator[Path]:
    for path in sorted(out.glob("*.whl")):
        if path.is_file() and not path.is_symlink():
            yield path


def _exact(source: Source, wheel: Wheel) -> str:
    if source.name is not None and canonicalize_name(source.name) != wheel.name:
        raise BuildFailed(
            f"{source.title} is asked for as {source.name}, and calls itself {wheel.name}.",
            hint=f"Write {wheel.name} instead.",
        )
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    return f"{wheel.name}{extras}=={wheel.version}"
