"""What the rest may know of packages: requirements become a lock, a lock wheels in a store, wheels one folder.

Locking asks ``uv``; nothing of a package is run (``--no-build``). The store is content-addressed: a wheel that
anybody used before costs a hard link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hubkiln.errors import LockFailed
from hubkiln.keys import digest
from hubkiln.packages.conda_values import CondaLock
from hubkiln.packages.cpython import is_kernel
from hubkiln.values import KERNEL_PREFIX, PREFIX, Interpreter, Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One file of a lock."""

    name: str
    """Normalised project name."""
    version: str
    filename: str
    url: str
    sha256: str
    size: int | None = None
    """Bytes, where the index tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Exact packages for one Python minor and platform."""

    python: str
    """Minor version, ``3.11``."""

    wheels: tuple[Wheel, ...]
    """Sorted by name."""

    text: str
    """The pylock.toml it came from, kept with the environment."""

    sdists: tuple[str, ...] = ()
    """``name==version`` of packages that have no wheel here and must be built in a run step."""

    conda: CondaLock | None = None
    """Conda packages, Python among them, that its wheels are laid over; None where Python is the base's."""

    kernel: Lock | None = None
    """What notebooks run in, where that is a Python that cannot run the server: an environment of its own."""

    @property
    def digest(self) -> str:
        """sha256 hex over (python, wheel hashes, sdists, conda): the same packages give the same digest."""
        named = [self.python, [(w.name, w.version, w.sha256) for w in self.wheels], list(self.sdists)]
        if self.conda is not None:
            named.append(self.conda.digest)
        if self.kernel is not None:
            named.append(self.kernel.digest)
        return digest(named)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRequest:
    """Which conda packages to lock."""

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    python: str
    """Minor version, ``3.11``."""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What to lock."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    python: Interpreter
    stack: bool = True
    """Add the Jupyter stack (single-user server, JupyterLab, …), its frozen versions preferred but never forced."""

    as_of: datetime | None = None
    """Only packages uploaded before this moment; None means now. The stack's own are exempt unless asked for."""

    allow_sdists: bool = False
    """True where run steps can build them: a package without a wheel then raises :class:`NeedsBuilding`."""

    find_links: Path | None = None
    """Folder of wheels that we built ourselves from sdists, for this request."""

    hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(normalised name, sha256 of every file allowed) where the repository says; the index must have one of them."""

    conda: CondaLock | None = None
    """Conda packages below: what they bring is neither changed nor brought again."""

    kept_out: frozenset[str] = frozenset()
    """Names of `find_links` that stand for something else and never enter the store."""

    left_out: frozenset[str] = frozenset()
    """Normalised names that are resolved as if nobody needed them: to learn what else there is to be had."""


class NeedsBuilding(LockFailed):
    """Some packages have no wheel and must be built first; build them in a sandbox and ask again with `find_links`."""

    code = "needs_building"

    def __init__(self, requirements: Sequence[str]) -> None:
        self.requirements = tuple(requirements)
        """What to build, as requirement lines: ``docopt``, ``antlr4-python3-runtime==4.9.3``."""
        super().__init__(
            f"There is no ready-made package for {', '.join(requirements)}.",
            hint="It must be built from source, in a run step.",
        )


class PinsConflict(LockFailed):
    """What is asked for contradicts itself, by the resolver's words not because of the Python."""


class Locker(Protocol):
    """Resolves requirements."""

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """
        Exact packages for `request`.

        Raises:
            LockFailed: no such package, conflict, no wheel for this Python or platform; the message says which.
            Unreachable: the index does not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the files of a wheel go."""

    minor: str
    """Python minor version, ``3.11``."""

    prefix: str = PREFIX
    """Below ``/``, no leading slash."""

    uid: int = 1000
    gid: int = 1000
    """Owner written into planned entries; what lies on disk has the store's owner."""

    @property
    def site(self) -> str:
        """``…/lib/python3.11/site-packages``."""
        return f"{self.prefix}/lib/python{self.minor}/site-packages"

    @property
    def executable(self) -> str:
        """What scripts name in their first line."""
        return f"/{self.prefix}/bin/python"


def layout_for(minor: str) -> Layout:
    """Where the files of packages for `minor` go, wheels as conda's: a kernel's have a prefix of their own."""
    return Layout(minor=minor, prefix=KERNEL_PREFIX if is_kernel(minor) else PREFIX)


@dataclass(frozen=True, slots=True)
class Overwritten:
    """Two packages of one environment bring the same path with different bytes; the later one's lies there."""

    path: str
    """Below the prefix."""
    loser: str
    winner: str

    def __str__(self) -> str:
        return f"{self.path} comes with {self.loser} and with {self.winner}; {self.winner}'s is used"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLink:
    """A script of a conda package that wants to run once the package is placed."""

    path: str
    """Below the prefix."""
    name: str
    version: str
    build_number: int
    prefix: str = PREFIX
    """Below ``/``, no leading slash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentOnDisk:
    """A merged environment in the store; never changed once there."""

    key: str
    path: Path
    """Content of the prefix: ``bin``, ``lib``, ``pyvenv.cfg``, …"""

    reused: bool
    """True if it was there already."""

    overwritten: tuple[Overwritten, ...] = ()
    """Found when it was made; empty for one that is reused."""

    scripts: tuple[PostLink, ...] = ()
    """What conda packages want to have run, in order; each over what the ones before it changed."""


Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """Where packages come from."""

    index_url: str | None = None
    """Package index; None means uv's own default and environment. The only index a recipe can get."""

    platform: str = "x86_64-manylinux_2_28"
    """uv's ``--python-platform``: the floor is the base image's glibc, never the builder's."""

    downloads_at_once: int = 8
    seconds: float = 600
    """Longest resolve."""


def names(wheels: Sequence[Wheel]) -> str:
    """``numpy 2.1.0, pandas 2.2.3`` for logs."""
    return ", ".join(f"{w.name} {w.version}" for w in wheels)
