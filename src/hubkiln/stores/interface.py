"""What a store is to those who collect: a folder of things, each with a key, a last use, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

DAY = 24 * 3600.0


class Ref(NamedTuple):
    """One thing among all stores."""

    store: str
    key: str

    def __str__(self) -> str:
        return f"{self.store}/{self.key}"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a store has."""

    key: str
    used: float
    """When it was last used or made, in seconds since 1970: the time of its folder or file."""


class Store(Protocol):
    """
    A folder whose things are named by what they are, never change, and are there whole or not at all.

    Whoever takes something from a store calls :func:`hubkiln.stores.uses.use` before looking whether it is there, and
    holds a :func:`hubkiln.stores.leases.lease` for as long as it counts on it.
    """

    @property
    def name(self) -> str:
        """Its own among all stores; the folder's, below the data folder."""

    @property
    def folder(self) -> Path:
        """What is its own; nobody else writes there."""

    @property
    def fixed(self) -> bool:
        """Whether its things never change, so that their sizes can be remembered."""

    def things(self) -> Iterator[Thing]:
        """All that is there now."""

    def used(self, key: str) -> float | None:
        """As :attr:`Thing.used`; None if it is not there."""

    def needs(self, key: str) -> Iterable[Ref]:
        """What must stay as long as this stays; what cannot be read needs nothing."""

    def size(self, key: str) -> int:
        """Bytes on disk that go with it."""

    def drop(self, key: str) -> None:
        """
        Take it away, whole, at once: its files are gone later, when the trash is emptied. Nothing if it is gone.

        What says that a thing is there goes first, so whoever kills us here leaves it whole or gone.
        """


@dataclass(frozen=True, slots=True)
class Root:
    """Something that stays, and so does all that it needs."""

    ref: Ref
    why: str
    """For people: ``saved by ann as "course"``."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Somebody at work, in any process: nothing that was used since then goes."""

    since: float
    what: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSettings:
    """What is collected."""

    keep_seconds: float = 30 * DAY
    """What was used within that time stays. A month: whoever comes back after a holiday finds everything."""

    keep_bytes: int | None = None
    """Beyond it, what was used longest ago goes too, however recent; None: no matter how much there is."""

    every_seconds: float | None = None
    """How often the service collects; None: never, because a deleted image has to be built again."""

    pins: tuple[str, ...] = ()
    """Local images that stay, as ``hubkiln.local/name@sha256:…``: those that an admin lists in profiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What stays, what goes, and why."""

    started: float
    before: float
    """Things used since stay; see :attr:`held_back`."""
    roots: tuple[Root, ...]
    kept: Mapping[Ref, Root]
    """Each thing that stays, and one root that it stays for."""
    garbage: tuple[Ref, ...]
    """What goes, in this order: nothing goes before what needs it."""
    needs: Mapping[Ref, tuple[Ref, ...]]
    """Of :attr:`garbage`."""
    sizes: Mapping[Ref, int]
    """Bytes on disk of everything."""
    leases: tuple[Lease, ...] = ()
    safe_before: float = 0.0
    """Nothing that was used since may go, whatever was asked: somebody may be using it."""

    @property
    def bytes_kept(self) -> int:
        """On disk."""
        return sum(self.sizes[ref] for ref in self.kept)

    @property
    def bytes_garbage(self) -> int:
        """On disk."""
        return sum(self.sizes[ref] for ref in self.garbage)


@dataclass(slots=True)
class Swept:
    """What went."""

    gone: list[Ref] = field(default_factory=list)
    rescued: set[Ref] = field(default_factory=set)
    """Used by somebody after it had been found that nobody did."""
    bytes: int = 0
