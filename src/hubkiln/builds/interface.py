"""What the rest may know of builds: a request goes in, events come out, a result or an error ends it.

The pipeline (above) does the work; this package keeps the durable record, joins, queues and limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hubkiln.builds.events import Event
from hubkiln.values import Spec

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
    built: Built | None = None
    error: dict[str, str] | None = None
    """``{code, message, hint}`` when failed."""
    queue_position: int | None = None
    """1 is next; None when not queued."""
    joined: tuple[str, ...] = ()
    """Other users who asked for the same while it ran; they may read its log too."""
