"""What the rest may know of packages: requirements become a lock, a lock becomes wheels in a store, wheels become one folder.

Locking asks ``uv``; nothing of a package is run (``--no-build``). The store is content-addressed: a wheel that
anybody used before costs a hard link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubkiln.values import Interpreter, Say


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

    @property
    def digest(self) -> str:
        """sha256 hex over (python, wheel hashes, sdists): the same packages give the same digest however they were asked for."""
        import hashlib
        import json

        named = [self.python, [(w.name, w.version, w.sha256) for w in self.wheels], list(self.sdists)]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What to lock."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    python: Interpreter
    stack: bool = True
    """Add the Jupyter stack (Hub's single-user server, JupyterLab, …), its pinned versions preferred but never forced."""

    as_of: datetime | None = None
    """Only packages uploaded before this moment; None means now."""

    allow_sdists: bool = False
    """True where run steps can build them."""


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
