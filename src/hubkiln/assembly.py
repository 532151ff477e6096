"""Which objects work together on one machine: the only place that chooses them.

The command line and the service both open a :class:`Workshop` on a data folder; they differ in what repositories
they may fetch and in the wrappers they put around its pipeline.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache, partial

from hubkiln.composer import (
    Bases,
    ByRequest,
    Composer,
    LocalTarget,
    Locking,
    Planner,
    PushTools,
    RegistryTarget,
    Repo2dockerBuilder,
    RunSteps,
    SmokeTest,
    SourceWheels,
    conda_missing,
    conda_settings,
    default_python,
    repo2docker_settings,
    step_settings,
)
from hubkiln.content import Contents
from hubkiln.data_dir import DataDir
from hubkiln.database import open_local
from hubkiln.environments import StoredLocks
from hubkiln.images import Clients, LayerStore, OciLayout, SqliteLayerIndex, registry_clients
from hubkiln.local_images import (
    LocalImage,
    LocalImages,
    Runs,
    hand_over,
    has_home,
    in_use,
    room_for,
    scratch,
    started,
    workdir,
)
from hubkiln.packages import Packages, PackageSettings
from hubkiln.pipeline import Pipeline
from hubkiln.recipes import Need, PlanKind
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.sandbox import SandboxEngine, SandboxSettings

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
    packages = Packages(data, index, owner=owner, conda=conda_settings(os.environ))
    contents = Contents(data, repositories, prepare=lambda folder: hand_over(folder, engine.identity))
    ask = registry_clients(settings.allowed_networks)
    bases = Bases(data, packages, engine, ask)
    may = step_settings(os.environ)
    sources = SourceWheels(data, engine, bases, packages, contents, repositories, settings=may, index=index)
    steps = RunSteps(data, engine, bases, settings=may, index=index)
    layers = cache(lambda: layer_store(data))
    database = await open_local(data.database)
    locks = StoredLocks(database)
    try:
        local = LocalTarget(data, packages, bases, images, Runs(data, engine), steps)
        locking = Locking(packages, bases, locks, sources, steps, default_python(os.environ))
        chosen = repo2docker_settings(os.environ)
        repo2docker = Repo2dockerBuilder(data, engine, images, Runs(data, engine), ask, layers, chosen)
        can, hints = abilities()
        registry = partial(registry_target, data, packages, bases, steps, engine, ask, layers)
        composer = Composer(bases=bases, locking=locking, targets=ByRequest(local, registry))
        with in_use(data):
            yield Workshop(
                data=data,
                repositories=repositories,
                images=images,
                packages=packages,
                engine=engine,
                pipeline=Pipeline(
                    repositories,
                    contents,
                    Planner(can=can, hints=hints, repo2docker=repo2docker.ability),
                    {
                        PlanKind.COMPOSE: composer,
                        PlanKind.RUN_STEPS: composer,
                        PlanKind.REPO2DOCKER: repo2docker,
                    },
                ),
                locks=locks,
            )
    finally:
        database.close()
        if layers.cache_info().currsize:
            layers().index.close()


def abilities() -> tuple[frozenset[Need], dict[Need, str]]:
    """What can be built here beyond placing wheels, and how to get what cannot."""
    hint = conda_missing()
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
    layers: Callable[[], LayerStore],
) -> RegistryTarget:
    """Pushes images."""
    tools = PushTools(
        data=data,
        packages=packages,
        bases=bases,
        layers=layers(),
        clients=ask,
        run_steps=steps,
        smoke_test=SmokeTest(data=data, packages=packages, bases=bases, run=Runs(data, engine)),
    )
    return RegistryTarget(tools)


def layer_store(data: DataDir) -> LayerStore:
    """Layers that were made here; the index is one file for all who build on this machine."""
    return LayerStore(OciLayout(data.layers), SqliteLayerIndex(data.layers / "index.sqlite"))
