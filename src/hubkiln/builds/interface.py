"""What the rest may know of builds: a request goes in, events come out, a result or an error ends it.

The pipeline (above) does the work; this package keeps the durable record, joins, queues and limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.events import ENDS, Event, Phase
from hubkiln.errors import Interrupted
from hubkiln.values import Revision, Spec

BROKE = "Something went wrong in the build service itself."
BROKE_HINT = "Try again; if it happens again, give the admin this build's number."

DIED_HINT = "It may need more memory than the service has; tell the admin, or try again."

Tell = Callable[[Event], None]
"""Receives each event as it happens; never blocks, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What somebody asked to be built; equal requests join."""

    spec: Spec
    as_of: str = "today"
    """``today``, ``commit`` or an ISO date: which packages count as published."""

    refresh: bool = False
    """Make a new lock even if one is known."""

    push: str | None = None
    """``REGISTRY/NAME[:TAG]`` to push to, or None to keep the image here."""

    base_image: str | None = None
    """Base image reference; None means the engine's default."""

    lock: str | None = None
    """Digest of a kept lock to use instead of the repository's own one: the very packages of that build."""

    for_hub: bool = True
    """Whether a hub is to start servers in it; a Dockerfile's image needs no JupyterHub where none is."""

    tried: bool = True
    """Whether a server is tried in a composed image before it is ready; False for whoever starts one right away."""

    revision: Revision | None = None
    """What `spec` was found to mean when it was asked for; None to look it up when it is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came of it."""

    image: str
    """Reference with an explicit tag or digest, understood by the spawner at hand."""

    environment_key: str
    commit: str
    name: str
    """Short name of the repository, for ``~/<name>``."""

    plan: str
    """``compose``, ``run-steps`` or ``repo2docker``."""

    why: tuple[str, ...] = ()
    reused: bool = False
    """True if the environment was already there."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by phase."""
    lock_digest: str = ""
    layers: dict[str, int] = field(default_factory=dict)
    """Of what was pushed: total, mounted, uploaded, bytes; empty where nothing was."""
    tag: str = ""
    """What else the registry calls what was pushed: by it the next build finds the image."""


class BuildDied(Interrupted):
    """The process that built it ended in the middle: another may build it, unless it is what kills them."""


class Builder(Protocol):
    """Builds environments."""

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """
        Build what `request` asks, telling each event; cancel to stop, nothing is left running.

        Raises:
            UserError: the request or the repository is at fault; building again will not help.
            ServiceError: safe to try again.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A build as the journal keeps it."""

    id: str
    request: BuildRequest
    owner: str
    """Hub user name of whoever asked first."""
    state: str
    """A :class:`hubkiln.builds.events.Phase`."""
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    commit: str | None = None
    """Known from the event ``Resolved`` on."""
    plan: str | None = None
    """Known from the event ``Planned`` on."""
    why: tuple[str, ...] = ()
    built: Built | None = None
    error: dict[str, str] | None = None
    """``{code, message, hint}`` when failed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds spent in each phase that is over."""
    queue_position: int | None = None
    """1 is next; None when not queued, and where nobody asked the queue."""
    queue_seconds: float | None = None
    """How long it may still wait; None when not queued, and where no earlier builds tell."""
    attempts: int = 0
    """How often a process began it; more than once where processes died."""
    run_seconds: float = 0
    """Time that it was built, waiting not counted."""
    joined: tuple[str, ...] = ()
    """Other users who asked for the same while it ran; they may read its log too."""
    left: tuple[str, ...] = ()
    """Those of the owner and `joined` who have cancelled it for themselves."""
    refs: dict[str, str] = field(default_factory=dict)
    """What each of the users calls the commit."""
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    """The profile and its options that each of the users chose with it; nobody's where they chose none."""
    log_bytes: int = 0
    last_seq: int = 0
    """Number of its newest event; 0 before the first."""

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return Phase(self.state) in ENDS

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody who asked for it and may read it, the owner first."""
        return (self.owner, *self.joined)

    def spec_of(self, user: str) -> Spec:
        """What was asked for in the words of `user`, who may have come by another ref."""
        return replace(self.request.spec, ref=self.refs.get(user) or self.request.spec.ref)

    @property
    def wanting(self) -> tuple[str, ...]:
        """Those of `users` who have not cancelled it."""
        return tuple(user for user in self.users if user not in self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as the journal keeps it."""

    seq: int
    """1 for a build's first event; no gaps."""
    at: datetime
    event: Event
    offset: int | None = None
    """For log text: where its first byte lies in the log (UTF-8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """What the files of a repository say that would be done; they were here already."""

    plan: str
    why: tuple[str, ...]
    there: bool = False
    """Whether the environment is."""


Plan = Callable[[BuildRequest], Awaitable[Intended | None]]
"""Reads the files of a request whose revision is known; None where they are not here."""

Present = Callable[[Built], Awaitable[bool]]
"""Whether what was built can still be started; what cannot be asked counts as no."""

OnReady = Callable[[Record], Awaitable[None]]
"""Awaited with the record of a build that succeeded, before anybody is told; again if somebody joined meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """How builds are run and recorded."""

    at_once: int = 2
    """Builds running at the same time in one process; the rest queue. Two keep a small machine busy without starving
    its servers. With 0 the process only takes requests, for others to build."""

    own_process: bool = True
    """Whether each build runs in a process of its own, so that its crash takes neither others nor the service along."""

    seconds: float | None = 3600
    """Longest build, in seconds, waiting not counted; None means no limit."""

    silence_seconds: float | None = 1800
    """How long a build may tell nothing: as long as one of its steps may take. None means for ever."""

    log_bytes: int = 16 * 1024 * 1024
    """Longest log, in bytes; what comes after is dropped and the log says so. A log that long is a loop."""

    keep_logs_seconds: float | None = 90 * 86400
    """How long the log of an ended build is kept; its record, phases and result stay. None keeps all."""

    keep_logs_bytes: int | None = 10 * 1024**3
    """How many bytes of ended builds' logs are kept in all, the newest first; None keeps all."""

    flush_seconds: float = 0.05
    """How long log text may wait to be written together: short enough to look live."""

    flush_bytes: int = 16 * 1024
    """Text that is written without waiting."""

    beat_seconds: float = 5
    """How often a process says that it lives and looks for dead ones and for cancellations made elsewhere."""

    dead_after_seconds: float = 30
    """Silence after which a process on another machine counts as dead; several missed beats."""

    poll_seconds: float = 0.5
    """How often the tables are looked at for news that no ring of the bell told of."""

    stop_seconds: float = 20
    """How long what runs may take to end, and to be recorded, when the process stops; a builder needs ten. Then it is
    left to whoever finds this process dead."""

    attempts: int = 3
    """Deaths of processes after which a build is given up: it may be what kills them."""

    lookup_seconds: float = 20
    """How long whoever asks waits for the repository's host; longer, and the look-up is left to the build."""

    known_seconds: float = 86400
    """How long an image that was built counts as the answer to an equal request; then the build looks again."""

    quotas: Quotas = field(default_factory=Quotas)
    """How much users may have."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Known secrets, removed from everything that is recorded."""
