"""What the rest may know of the sandbox: a root, mounts, an environment, limits; a command runs in it.

The engine behind it is bubblewrap. As an ordinary user it opens a user namespace; started as root it drops to an
unprivileged uid instead (in a user namespace that maps our uid 0, the kernel still lets a process write
``/proc/sys``, so that must never be).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from hubkiln.values import Limits


class Network(StrEnum):
    """What a sandbox can reach."""

    NONE = "none"
    HOST = "host"
    """The host's network, its loopback included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder or file of the host, seen inside."""

    source: Path
    target: str
    """Absolute path inside."""
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Folders stacked at one place inside; writes go to `upper`, the lower folders are never written."""

    target: str
    lowers: tuple[Path, ...]
    """Bottom first."""
    upper: Path | None = None
    """Folder for writes; a sibling ``<upper>.work`` is used beside it. None makes the overlay read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Everything about a sandbox but the command: a value; making one starts nothing."""

    rootfs: Overlay | None = None
    """A root file system of its own (target ``/``); None means the host's ``/usr``, read-only, and a minimal ``/etc``."""

    overlays: tuple[Overlay, ...] = ()
    mounts: tuple[Mount, ...] = ()
    """Applied in order, after the overlays."""

    env: dict[str, str] = field(default_factory=dict)
    """The whole environment inside; nothing of ours is passed on."""

    cwd: str = "/"
    user: str = "jovyan"
    home: str = "/home/jovyan"
    root: bool = False
    """True for run steps that must be root inside (apt): root of a user namespace, never the host's."""

    network: Network = Network.HOST
    limits: Limits = field(default_factory=Limits)
    name: str = "sandbox"
    """For process lists and cgroup names: letters, digits, ``-``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Whether sandboxes work on this machine."""

    works: bool
    reason: str = ""
    """One sentence when they do not: what is missing and how to get it."""
    memory_enforced: bool = False
    cpu_enforced: bool = False
    limits_reason: str = ""
    """Why limits are not enforced, when they are not."""
