"""Which objects work together on one machine: the only place that chooses them.

The command line and the service both open a :class:`Workshop` on a data folder; they differ in what repositories
they may fetch and in the wrappers they put around its pipeline. Tests put the same workshop together from fakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial

from hubkiln.composer import (
    Bases,
    ByRequest,
    Composer,
    FirstBase,
    Learned,
    LocalTarget,
    LockBook,
    Locking,
    Maker,
    Patience,
    Planner,
    PushTools,
    RegistryTarget,
    Repo2dockerBuilder,
    Repo2dockerSettings,
    RunSteps,
    SmokeTest,
    SourceWheels,
    StepSettings,
    conda_missing,
    default_python,
)
from hubkiln.content import Contents
from hubkiln.data_dir import DataDir
from hubkiln.database import Statements, open_local
from hubkiln.egress import check_proxies
from hubkiln.engines import open_layers, pod_engine, sandbox_engine
from hubkiln.environments import StoredLocks
from hubkiln.folders import check_space
from hubkiln.images import (
    Clients,
    ImageName,
    Layer,
    LayerStore,
    Looks,
    OciLayout,
    PushSettings,
    References,
    registry_clients,
)
from hubkiln.later import Later
from hubkiln.local_images import LocalImages, Run, Runs, at_desk, hand_over
from hubkiln.packages import Packages, PackageSettings
from hubkiln.pipeline import Pipeline
from hubkiln.recipes import Need, PlanKind
from hubkiln.repositories import AnyRepositories, Lent, Repositories, Tokens
from hubkiln.sandbox import BuildEngine, Identity
from hubkiln.settings import Settings
from hubkiln.stores import lease

CAN = frozenset({Need.SDIST, Need.DIRECT, Need.INSTALL_PROJECT, Need.APT, Need.POST_BUILD})
"""What is built here beyond placing wheels."""


def _unheeded(layers: Sequence[Layer], source: ImageName | None) -> None:
    """Where images are not made of rooms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """What a workshop is given: who fetches, locks, runs, remembers and answers, and what the admin chose."""

    repositories: AnyRepositories
    engine: BuildEngine
    packages: Packages
    locks: LockBook
    clients: Clients
    layers: Callable[[], LayerStore] | None = None
    """Those of the data folder; None to open them when they are first needed."""
    learned: Learned = _unheeded
    can: frozenset[Need] = CAN
    hints: Mapping[Need, str] = field(default_factory=dict)
    """How to get what is not in `can`."""
    run: Run | None = None
    """Tries images; None to do so in the engine."""
    index: PackageSettings = field(default_factory=PackageSettings)
    steps: StepSettings = field(default_factory=StepSettings)
    repo2docker: Repo2dockerSettings = field(default_factory=Repo2dockerSettings)
    push: PushSettings = field(default_factory=lambda: PushSettings(seconds=0))
    python: str = field(default_factory=lambda: default_python({}))
    """The version for whoever asks for none."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits between two tries of a push."""
    later: Later | None = None
    """Does what need not be there before the first server starts; None to do it in the build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that is needed to build and run on this machine."""

    data: DataDir
    repositories: AnyRepositories
    images: LocalImages
    packages: Packages
    engine: BuildEngine
    pipeline: Pipeline
    locks: LockBook
    references: References
    looks: Looks
    layers: Callable[[], LayerStore]
    """Layers that were made here; opened when it is first called, for most builds need none."""
    later: Later | None = None
    """Goes on when a build has ended."""


@asynccontextmanager
async def open_workshop(
    data: DataDir,
    settings: Settings,
    database: Statements | None = None,
    tokens: Tokens | None = None,
    lent: Lent | None = None,
) -> AsyncIterator[Workshop]:
    """
    The objects of one data folder, and of `database` where it is not a file of that folder; closed at the end.

    `tokens` gives those of the reader of a spec, `lent` those of an admin's for a repository.

    Raises:
        ServiceError: the environment names a proxy that we cannot speak to.
    """
    check_proxies()
    later = Later()
    with ExitStack() as opened:
        data = opened.enter_context(at_desk(data))
        layers = cache(partial(open_layers, data, opened))
        clients = registry_clients(settings.repositories.allowed_networks, settings.registries, settings.push.target)
        pods = pod_engine(data, settings, layers, clients) if settings.pods.wanted else None
        engine: BuildEngine = pods or sandbox_engine(data, settings.sandbox)
        can, hints = abilities(settings)
        if database is None:
            database = local = await open_local(data.database)
            opened.callback(local.close)
        supplies = Supplies(
            repositories=_repositories(data, settings, tokens, lent),
            engine=engine,
            packages=Packages(data, settings.packages, owner=_owner(engine.identity), conda=settings.conda),
            locks=StoredLocks(database),
            clients=clients,
            layers=layers,
            learned=pods.learn if pods else _unheeded,
            can=can,
            hints=hints,
            index=settings.packages,
            steps=settings.steps,
            repo2docker=settings.repo2docker,
            push=settings.push,
            python=settings.python,
            later=later,
        )
        try:
            async with later:
                yield put_together(data, supplies, opened)
        finally:
            if pods is not None:
                await pods.close()


def _repositories(data: DataDir, settings: Settings, tokens: Tokens | None, lent: Lent | None) -> Repositories:
    chosen = replace(settings.repositories, own_folders=(data.root,), scratch=data.work)
    return Repositories(chosen, tokens=tokens, lent=lent)


def _owner(identity: Identity) -> tuple[int, int] | None:
    """Whose packages' files are, where they are not ours."""
    return (identity.uid, identity.gid) if identity.privileged else None


def put_together(data: DataDir, given: Supplies, opened: ExitStack) -> Workshop:
    """A workshop on the folder `data`; what it opens is closed with `opened`."""
    engine, packages, clients = given.engine, given.packages, given.clients
    images, run = LocalImages(data.own("images/documents")), given.run or Runs(data.rooms, engine)
    contents = Contents(
        data.own("content"), given.repositories, prepare=lambda folder: hand_over(folder, engine.identity)
    )
    bases = Bases(data, packages, engine, clients, given.learned)
    patience = Patience(seconds=given.push.seconds, sleep=given.sleep)
    layers = given.layers or cache(partial(open_layers, data, opened))
    composer = _composer(data, given, bases, contents, images, run, layers, patience)
    repo2docker = Repo2dockerBuilder(data, engine, packages, images, run, clients, layers, given.repo2docker, patience)
    makers: dict[PlanKind, Maker] = dict.fromkeys((PlanKind.COMPOSE, PlanKind.RUN_STEPS), composer)
    makers[PlanKind.REPO2DOCKER] = repo2docker
    planner = Planner(can=given.can, hints=given.hints, repo2docker=repo2docker.ability, lacks=packages.lacks)
    return Workshop(
        data=data,
        repositories=given.repositories,
        images=images,
        packages=packages,
        engine=engine,
        pipeline=Pipeline(
            given.repositories,
            contents,
            planner,
            makers,
            engine.refusal,
            partial(lease, data.root),
            given.push,
            partial(_check_ahead, data, bases),
        ),
        locks=given.locks,
        references=References(given.push.target, clients),
        looks=Looks(clients),
        layers=layers,
        later=given.later,
    )


async def _check_ahead(data: DataDir, bases: Bases, base_image: str | None) -> None:
    """Raise for what no build could do without; see :class:`hubkiln.pipeline.Pipeline`."""
    check_space(data.root)
    if base_image is not None:
        await bases.check(base_image)


def _composer(
    data: DataDir,
    given: Supplies,
    bases: Bases,
    contents: Contents,
    images: LocalImages,
    run: Run,
    layers: Callable[[], LayerStore],
    patience: Patience,
) -> Composer:
    """What makes environments of packages and run steps, here or in a registry."""
    engine, packages = given.engine, given.packages
    steps = RunSteps(data, engine, bases, settings=given.steps, index=given.index, conda=packages.conda.settings)
    sources = SourceWheels(
        data, engine, bases, packages, contents, given.repositories, settings=given.steps, index=given.index
    )

    @cache
    def registry() -> RegistryTarget:
        tools = PushTools(
            data=data,
            packages=packages,
            bases=bases,
            layers=layers(),
            clients=given.clients,
            run_steps=steps,
            smoke_test=SmokeTest(data=data, packages=packages, bases=bases, run=run, refusal=engine.refusal),
            patience=patience,
        )
        return RegistryTarget(tools)

    return Composer(
        bases=bases,
        first=FirstBase(OciLayout(data.layers)),
        locking=Locking(packages, bases, given.locks, sources, steps, given.python),
        targets=ByRequest(LocalTarget(data, packages, bases, images, run, steps, given.later), registry),
    )


def abilities(settings: Settings | None = None) -> tuple[frozenset[Need], dict[Need, str]]:
    """What can be built here beyond placing wheels, and how to get what cannot."""
    can, hints, hint = CAN | {Need.CONDA}, {}, conda_missing()
    if hint is not None:
        hints[Need.CONDA] = hint
    if settings is not None and settings.pods.wanted and not settings.pods.root:
        hints[Need.APT] = (
            "Step pods may not be root here; an admin's turn: set pods_root, in a namespace that admits it."
        )
    return can - hints.keys(), hints
