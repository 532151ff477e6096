"""Which objects work together on one machine: the only place that chooses them.

The command line and the service both open a :class:`Workshop` on a data folder; they differ in what repositories
they may fetch and in the wrappers they put around its pipeline.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.bases.bases import Bases
from hubkiln.composer.locking import conda as conda_environment
from hubkiln.composer.locking.locking import Locking
from hubkiln.composer.locking.python_choice import default_python
from hubkiln.composer.repo2docker import settings as repo2docker_settings
from hubkiln.composer.repo2docker.builder import Repo2dockerBuilder
from hubkiln.composer.sources.build import SourceWheels
from hubkiln.composer.steps import settings as step_settings
from hubkiln.composer.steps.run_steps import RunSteps
from hubkiln.composer.targets.interface import Target
from hubkiln.composer.targets.layers import PushTools
from hubkiln.composer.targets.local import LocalTarget
from hubkiln.composer.targets.registry import RegistryTarget
from hubkiln.composer.targets.smoke_test import SmokeTest
from hubkiln.content.store import Contents
from hubkiln.data_dir import DataDir
from hubkiln.database.local import open_local
from hubkiln.environments.lock_book import StoredLocks
from hubkiln.images.clients import Clients, clients
from hubkiln.images.layer_index import SqliteLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import has_home, room_for, started
from hubkiln.local_images.running import Runs, hand_over, scratch, workdir
from hubkiln.local_images.store import LocalImages
from hubkiln.local_images.work_folder import in_use
from hubkiln.packages.interface import PackageSettings
from hubkiln.packages.packages import Packages
from hubkiln.pipeline import Pipeline
from hubkiln.recipes.interface import Need
from hubkiln.repositories import Repositories
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import SandboxSettings

CAN = frozenset({Need.SDIST, Need.DIRECT, Need.INSTALL_PROJECT, Need.APT, Need.POST_BUILD})
"""What is built here beyond placing wheels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that is needed to build and run on this machine."""

    data: DataDir
    repositories: Repositories
    images: LocalImages
    packages: Packages
    engine: SandboxEngine
    pipeline: Pipeline
    locks: StoredLocks

    async def attach(self, image: LocalImage, argv: Sequence[str], env: dict[str, str] | None = None) -> int:
        """Run `argv` in `image` at our own terminal, behind the repository's ``start``; returns its exit code."""
        with scratch(self.data, self.engine) as (home, work):
            own = has_home(self.data, image, self.engine.identity.uid)
            seen = None if own else home
            room = room_for(self.data, image, home=seen, work=work, env=env, cwd=workdir(image), writable_content=True)
            return await self.engine.interactive(room, started(image, list(argv)))


@asynccontextmanager
async def open_workshop(data: DataDir, settings: RepositorySettings) -> AsyncIterator[Workshop]:
    """The objects of one data folder; closed at the end."""
    engine = sandbox_engine(data)
    owner = (engine.identity.uid, engine.identity.gid) if engine.identity.privileged else None
    repositories, images = (
        Repositories(replace(settings, own_folders=(data.root,), scratch=data.work)),
        LocalImages(data),
    )
    index = PackageSettings(index_url=os.environ.get("HUBKILN_INDEX_URL"))
    packages = Packages(data, index, owner=owner, conda=conda_environment.settings(os.environ))
    contents = Contents(data, repositories, prepare=lambda folder: hand_over(folder, engine.identity))
    ask = clients(settings.allowed_networks)
    bases = Bases(data, packages, engine, ask)
    may = step_settings.settings(os.environ)
    sources = SourceWheels(data, engine, bases, packages, contents, repositories, settings=may, index=index)
    steps = RunSteps(data, engine, bases, settings=may, index=index)

    def targets(request: BuildRequest) -> Target:
        return local if request.push is None else registry_target(data, packages, bases, steps, engine, ask, layers())

    layers = cache(lambda: layer_store(data))
    database = await open_local(data.database)
    locks = StoredLocks(database)
    try:
        local = LocalTarget(data, packages, bases, images, Runs(data, engine), steps)
        locking = Locking(packages, bases, locks, sources, steps, default_python(os.environ))
        chosen = repo2docker_settings.settings(os.environ)
        repo2docker = Repo2dockerBuilder(data, engine, images, Runs(data, engine), ask, layers, chosen)
        with in_use(data):
            yield Workshop(
                data=data,
                repositories=repositories,
                images=images,
                packages=packages,
                engine=engine,
                pipeline=Pipeline(repositories, contents, bases, locking, targets, *abilities(), repo2docker),
                locks=locks,
            )
    finally:
        database.close()
        if layers.cache_info().currsize:
            layers().index.close()


def abilities() -> tuple[frozenset[Need], dict[Need, str]]:
    """What can be built here beyond placing wheels, and how to get what cannot."""
    hint = conda_environment.missing()
    return (CAN | {Need.CONDA}, {}) if hint is None else (CAN, {Need.CONDA: hint})


def sandbox_engine(data: DataDir) -> SandboxEngine:
    """The engine of a data folder, which is never seen from inside."""
    return SandboxEngine(SandboxSettings(state=data.work / "sandboxes", hidden=(data.root,)))


def registry_target(
    data: DataDir,
    packages: Packages,
    bases: Bases,
    steps: RunSteps,
    engine: SandboxEngine,
    ask: Clients,
    layers: LayerStore,
) -> RegistryTarget:
    """Pushes images."""
    tools = PushTools(
        data=data,
        packages=packages,
        bases=bases,
        layers=layers,
        clients=ask,
        run_steps=steps,
        smoke_test=SmokeTest(data=data, packages=packages, bases=bases, run=Runs(data, engine)),
    )
    return RegistryTarget(tools)


def layer_store(data: DataDir) -> LayerStore:
    """Layers that were made here; the index is one file for all who build on this machine."""
    return LayerStore(OciLayout(data.layers), SqliteLayerIndex(data.layers / "index.sqlite"))
