"""A record of files somewhere, as its host describes it: what the providers of data have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hubkiln.values import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a record."""

    path: str
    """Where it belongs, as its host says it: checked before it is written."""

    url: str
    size: int | None = None
    """Bytes; None where nobody says."""

    checksum: str = ""
    """``md5:…``, ``sha256:…``; empty where nobody says."""

    typed: bool = False
    """Whether whoever made the record wrote the address, and not its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A concrete state of it, which stays what it is."""

    key: str
    """Names the state among all of its host."""

    repository: str
    """What was asked for, with the version that it came to."""

    url: str
    """The page for people."""

    name: str
    files: tuple[File, ...]

    ready: Callable[[Record, Say], Awaitable[None]] | None = None
    """Awaited before its files are fetched, where they must be made first."""

    unpacks: bool = False
    """Whether its only file is to be an archive; else it is unpacked only if it is one."""
