"""What the API takes and gives, as pydantic models, so that its description comes for free."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hubkiln.builds import Phase, Record
from hubkiln.environments import Environment, Known, State, Visibility, title
from hubkiln.errors import HubkilnError
from hubkiln.values import Spec
from hubkiln.web.problems import ErrorModel, error_model

Resources = Annotated[
    dict[Annotated[str, Field(max_length=255)], Annotated[str, Field(max_length=1024)]], Field(max_length=50)
]
"""A profile and its options, as KubeSpawner keeps what was chosen; the hub alone knows which there are."""


class Wanted(BaseModel):
    """What to build, and with which packages."""

    model_config = ConfigDict(extra="forbid")

    spec: str = Field(max_length=20_480)
    """What a person types: a git URL, ``org/repo``, ``provider/…``, ``inline/…``; behind `` + ``, packages to add."""
    ref: str | None = Field(default=None, max_length=512)
    subdir: str = Field(default="", max_length=1024)
    as_of: str = Field(default="today", pattern=r"^(today|commit|\d{4}-\d{2}-\d{2})$")
    refresh: bool = False


class BuildOrder(Wanted):
    """What to build."""

    priority: int = Field(default=0, ge=-100, le=100)
    """Higher goes first; only admins may give one."""
    supersede: bool = False
    """Leave one's builds of older commits of the same branch that have not begun."""
    notify: str | None = Field(default=None, max_length=1024)
    """An address to tell when it ends, of a host that the admin lists."""
    resources: Resources = {}
    """Kept by the environment, unless it keeps some already, for the spawn page to choose."""


class EnvironmentChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=100)
    description: str | None = Field(default=None, max_length=4000)
    visibility: Visibility | None = None
    group: str | None = Field(default=None, max_length=255)
    """With the visibility ``group``: one that the owner is in."""
    pinned: bool | None = None
    """Keep every version from being collected, not today's alone."""
    image: str | None = Field(default=None, max_length=1024)
    """Of one of its versions: what servers start in from now on."""
    resources: Resources | None = None
    """All that it is to keep of a profile and its options; `{}` for none."""


class SpecModel(BaseModel):
    """A repository and a ref."""

    provider: str
    repository: str
    ref: str
    subdir: str
    packages: list[str] = Field(default_factory=list, description="Added to what the repository asks for.")


class BuildModel(BaseModel):
    """A build."""

    id: str
    phase: Phase
    spec: SpecModel
    title: str
    owner: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    commit: str | None
    plan: str | None
    why: list[str]
    image: str | None
    environment_key: str | None
    name: str | None
    reused: bool
    seconds: dict[str, float]
    queue_position: int | None
    queue_seconds: float | None
    error: ErrorModel | None
    log_bytes: int
    retryable: bool


class BuildList(BaseModel):
    """Builds, newest first."""

    builds: list[BuildModel]


class EnvironmentModel(BaseModel):
    """A saved environment."""

    id: str
    name: str
    description: str
    spec: SpecModel
    title: str
    commit: str
    image: str
    environment_key: str
    owner: str
    visibility: Visibility
    group: str
    """Who may use it where `visibility` is ``group``."""
    created: datetime
    last_used: datetime
    plan: str
    pinned: bool
    state: State
    bytes: int | None
    """Of today's image, as if it shared nothing with others; null until somebody has looked."""
    packages: int | None
    """How many are in today's image."""
    built: datetime | None
    """When today's image was made."""
    resources: dict[str, str]
    """The profile and its options that it keeps, for the spawn page to choose."""


class EnvironmentList(BaseModel):
    """Environments, last used first."""

    environments: list[EnvironmentModel]
    total: int
    """How many there are, on all pages."""


class VersionModel(BaseModel):
    """An image that an environment has, or had."""

    image: str
    commit: str
    plan: str
    built: datetime
    current: bool
    spec: SpecModel | None
    """What it was made of, where that is known."""
    bytes: int | None
    packages: int | None
    gone: bool
    """Whether it must be made again before a server starts in it."""
    build: str | None
    """Id of the build that made it, whose log the caller may read."""


class FullEnvironmentModel(EnvironmentModel):
    """One environment, with what it was before."""

    versions: list[VersionModel]
    link: str
    """What follows ``/v2/`` in a link to its repository."""
    exports: list[str]


class EnvironmentOrder(BaseModel):
    """What to do about an environment."""

    model_config = ConfigDict(extra="forbid")

    what: Literal["update", "refresh", "rebuild", "change"]
    """``update``: the newest commit; ``refresh``: packages chosen afresh; ``rebuild``: a version from its lock;
    ``change``: another list of packages, or another repository or ref."""
    image: str = Field(default="", max_length=1024)
    """Which version to rebuild; empty for today's."""
    spec: str = Field(default="", max_length=20_480)
    """With ``change``: what it is to be of, as people type it."""
    ref: str | None = Field(default=None, max_length=512)
    subdir: str = Field(default="", max_length=1024)


class PackageModel(BaseModel):
    """One package."""

    name: str
    version: str
    kernel: bool = False
    """Whether it is in the kernel environment beside the server's."""


class PackageList(BaseModel):
    """The packages of an image."""

    python: str
    packages: list[PackageModel]
    download_bytes: int | None = None
    """Of the files that they come in, where it is known."""


class KnownModel(BaseModel):
    """What the service knows of an image, for one user."""

    known: bool
    visible: bool
    environment: EnvironmentModel | None
    image: str
    """The one reference of it, by digest where it is known: what a server starts."""
    refused: ErrorModel | None = None
    """Why this user may not start it now, where it is not simply somebody else's."""


class Ability(BaseModel):
    """Something the engine may be able to do, and why not."""

    works: bool
    reason: str = ""


class LimitsModel(BaseModel):
    """Which limits are enforced on what runs in the engine, and why not."""

    memory: bool
    cpu: bool
    reason: str = ""


class EngineModel(BaseModel):
    """What servers and run steps run in; steps alone, where it is ``kubernetes``: where servers run, the hub knows."""

    engine: Literal["sandbox", "podman", "docker", "kubernetes"]
    typed_images: Ability
    isolation: bool
    limits: LimitsModel
    pushes: bool = False
    """Whether what is built goes to a registry, so that servers need not run on this machine."""


def build_model(record: Record) -> BuildModel:
    """A record as the API gives it."""
    built = record.built
    return BuildModel(
        id=record.id,
        phase=Phase(record.state),
        spec=spec_model(record.request.spec),
        title=title(record.request.spec),
        owner=record.owner,
        created=record.created,
        started=record.started,
        finished=record.finished,
        commit=record.commit,
        plan=record.plan,
        why=list(record.why),
        image=built.image if built else None,
        environment_key=built.environment_key if built else None,
        name=built.name if built else None,
        reused=bool(built and built.reused),
        seconds=record.seconds,
        queue_position=record.queue_position,
        queue_seconds=record.queue_seconds,
        error=ErrorModel(**record.error) if record.error else None,
        log_bytes=record.log_bytes,
        retryable=record.state in (Phase.FAILED, Phase.CANCELLED, Phase.INTERRUPTED),
    )


def environment_model(environment: Environment) -> EnvironmentModel:
    """An environment as the API gives it."""
    fields = asdict(environment)
    return EnvironmentModel(**fields | {"title": title(environment.spec), "spec": spec_model(environment.spec)})


def known_model(known: Known, image: str, refusal: HubkilnError | None = None) -> KnownModel:
    """What is known of `image` as the API gives it."""
    shown = environment_model(known.environment) if known.environment else None
    refused = error_model(refusal)
    return KnownModel(known=known.known, visible=known.visible, environment=shown, image=image, refused=refused)


def spec_model(spec: Spec) -> SpecModel:
    """A spec as the API gives it."""
    return SpecModel(**asdict(spec) | {"packages": spec.packages.splitlines()})
