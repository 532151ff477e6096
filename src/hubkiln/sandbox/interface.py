"""What the rest may know of the sandbox: a root, mounts, an environment, limits; a command runs in it.

The engine behind it is bubblewrap. As an ordinary user it opens a user namespace; started as root it drops to an
unprivileged uid instead (in a user namespace that maps our uid 0, the kernel still lets a process write
``/proc/sys``, so that must never be).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from hubkiln.sandbox.identity import HasIdentity
from hubkiln.sandbox.relay.orders import Outside as Outside
from hubkiln.sandbox.relay.orders import Way as Way
from hubkiln.sandbox.settings import HostSettings
from hubkiln.values import Limits, Say


class Network(StrEnum):
    """What a sandbox can reach."""

    NONE = "none"
    HOST = "host"
    """The host's network, its loopback included."""
    DOOR = "door"
    """None but a :data:`Door` on its own loopback, at :data:`DOOR_PORT`; for :meth:`Engine.run` alone."""
    OWN = "own"
    """One of its own, with the :class:`Ways` in and out that :meth:`Engine.start` is given."""


DOOR_PORT = 3128
"""Where programs inside find the door; the usual port of HTTP proxies."""

Door = Callable[[socket.socket], AbstractAsyncContextManager[object]]
"""Serves what connects to a listening socket for as long as the context is open, and closes the socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a server in a room is reached, and what it reaches of ours, held by a process that lives as long as it."""

    listener: socket.socket
    """Bound, not yet listening; whoever is given it listens once the server does. The caller closes its own."""

    file: Path | None = None
    """The Unix socket at which a server that shares our network listens: nobody else may reach its folder. None for a
    room with a network of its own: there the server listens at the listener's port of the room's loopback."""

    out: tuple[Way, ...] = ()
    """Of a room with a network of its own."""

    outside: Outside | None = None
    """What connects a room with a network of its own with the world; None for nothing."""

    allowed: tuple[int, ...] = ()
    """uids that may connect besides us and root: whoever runs the proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """What an engine needs to know of this installation."""

    state: Path
    """Folder for what must survive a restart of ours while sandboxes run; made where missing."""

    hidden: tuple[Path, ...] = ()
    """Folders never seen from inside, wherever they lie: the data folder."""

    notes: Path | None = None
    """Folder of notes about this machine that spare the next process a trial; `state` where there is none."""

    host: HostSettings = field(default_factory=HostSettings)


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
    """A root file system of its own (target ``/``); None means the host's ``/usr`` and a little of its ``/etc``."""

    overlays: tuple[Overlay, ...] = ()
    mounts: tuple[Mount, ...] = ()
    """Applied in order, after the overlays."""

    links: tuple[tuple[str, str], ...] = ()
    """(absolute path, what the link there says), made after the overlays where nothing is yet."""

    volumes: tuple[Mount, ...] = ()
    """Folders and files of whoever opens the room, shown last; their targets may lie in what the user can write, so
    only for rooms in which all of that is new: nobody is inside yet who could change it."""

    env: dict[str, str] = field(default_factory=dict)
    """The whole environment inside; nothing of ours is passed on."""

    cwd: str = "/"
    user: str = "jovyan"
    home: str = "/home/jovyan"
    name_server: str = ""
    """Address of who knows names, in a network of its own; empty for the host's."""
    uid: int | None = None
    """Real uid and gid of the user, where we are root; None for the one that all share, to which the stores belong."""
    root: bool = False
    """True for run steps that must be root inside (apt): root of a user namespace, never the host's."""

    all_programs: bool = False
    """Over the host's ``/usr``: whether all of the host's programs are there, compilers among them."""

    network: Network = Network.HOST
    limits: Limits = field(default_factory=Limits)
    kept: bool = True
    """Whether what is written in it is wanted afterwards: of a trial it is not, and need not be brought."""
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
    processes_shown: bool = False
    """True where sandboxes see the list of all processes (a container whose ``/proc`` is masked)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Whether networks of rooms' own can be connected with the world as a whole here, not for HTTP alone."""

    works: bool = False
    reason: str = ""
    """One sentence when they cannot."""
    hint: str = ""
    """And what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command in a room ended."""

    code: int
    """Exit code; 128 + n for signal n."""
    output: str
    """The end of its output, standard error included."""
    out_of_memory: bool = False
    """True if the kernel killed something in it because of its memory limit."""
    timed_out: bool = False
    owners_noted: bool = False
    """True if whose files a root inside has written is noted at them already."""
    peak_memory: int | None = None
    """Most memory used at once, in bytes, where the kernel tells."""


class Running(Protocol):
    """A command in a room that goes on after its starter has gone; poll it, or it stays a zombie."""

    def to_state(self) -> dict[str, Any]:
        """What :meth:`Engine.attach` needs to find it again: JSON, no secrets."""

    def poll(self) -> int | None:
        """None while it runs, else its exit code; tidies up when it has ended."""

    async def wait(self) -> int:
        """Its exit code, when it has ended."""

    async def stop(self, grace: float = 10.0) -> int:
        """Ask it to end, end everything in it after `grace` seconds; returns the exit code."""

    @property
    def out_of_memory(self) -> bool:
        """True if the kernel killed something in it because of its memory limit."""


class Engine(Protocol):
    """Runs commands in rooms."""

    async def probe(self) -> Capability:
        """Whether it works here; tried for real once, then remembered."""

    async def refusal(self) -> str:
        """Why nothing can run here; empty if it can. Not tried again where it worked before and nothing has changed."""

    async def outlook(self) -> Outlook:
        """Whether rooms with networks of their own reach the world; tried for real once, then remembered."""

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> Running:
        """
        Start `argv`; its output is added to `log`, or dropped. `ways` end with it, and it with them.

        Raises:
            EngineMissing: this machine cannot.
            ServiceError: the room cannot be made.
        """

    def attach(self, state: Mapping[str, Any]) -> Running:
        """What `state` is of; it may have ended meanwhile."""

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """
        Run `argv` to its end; cancelling ends everything in the room at once.

        `seconds` defaults to the room's limit. `door` serves a room whose network is :attr:`Network.DOOR`.

        Raises:
            EngineMissing: this machine cannot.
            ServiceError: the room cannot be made.
        """

    async def interactive(self, room: Room, argv: Sequence[str]) -> int:
        """Run `argv` at our own terminal, or on our standard streams; returns its exit code."""


class BuildEngine(HasIdentity, Engine, Protocol):
    """An engine for builds: what is written inside belongs to one user."""

    @property
    def place(self) -> str:
        """Where it runs things, for sentences: ``in a sandbox``."""
