"""Chooses the Python for which everything asked for has wheels, by resolution alone: nothing is built or downloaded.

The first candidate is tried alone, because it is nearly always the answer, and its lock is then the lock. The others
are tried together. A package that no Python gets ready-made is left out of the question: it must be built on any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.concurrently import all_of
from hubkiln.errors import LockFailed
from hubkiln.packages.cpython import number, some, span
from hubkiln.packages.interface import Lock, LockRequest, NeedsBuilding, PinsConflict
from hubkiln.packages.simple_index import Index
from hubkiln.packages.wheel_ranges import WheelRange, wheel_range
from hubkiln.values import Say

Resolve = Callable[[LockRequest, Say], Awaitable[Lock]]

ROUNDS = 12
"""Packages without wheels that are looked for on one Python; who has more hears of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which Python, and why."""

    minor: str
    why: str
    """The end of a sentence: ``numpy 1.21.6 has wheels for Python 3.7–3.10``."""
    lock: Lock | None = None
    """What was resolved on the way, for the Python that was asked about; None where it has to be done again."""
    missing: str = ""
    """What this one does not get ready-made, though other Pythons do: the packages and those, as :func:`listed`."""
    apart: str = ""
    """The same of all candidates together, where no Python gets everything."""
    fits: bool = True
    """Whether everything asked for can be had on it without building what other Pythons get ready-made."""


@dataclass(slots=True, kw_only=True)
class _Tried:
    """One candidate's answer."""

    minor: str
    lock: Lock | None = None
    missing: dict[str, WheelRange] = field(default_factory=dict)
    """By normalised name; those that are built from source on any Python are not among them."""
    refused: bool = False
    """Whether what is asked for cannot be had on it at all."""
    built: bool = False
    """Whether something must be built from source on any Python."""
    hopeless: bool = False
    """Whether something that is pinned is there for no Python."""
    conflict: bool = False
    """Whether pins contradict each other, by the resolver's words not because of the Python."""

    @property
    def fits(self) -> bool:
        return not self.missing and not self.refused


class PythonChooser:
    """Asks `resolve` about one Python after another, and `index` about what has no wheel."""

    def __init__(self, resolve: Resolve, index: Index, platform: str) -> None:
        self._resolve, self._index, self._platform = resolve, index, platform
        self._few = asyncio.Semaphore(8)

    async def choose(self, request: LockRequest, candidates: Sequence[str], say: Say) -> Choice:
        """
        The best of `candidates` for `request`: the first if everything has wheels for it, else the newest such.

        Where there is none: the first of those that lack fewest, and which packages those are.

        Raises:
            Unreachable: the index does not answer.
        """
        first = await self._try(request, candidates[0], first=True)
        if first.fits:
            whole = not first.built and request.python.minor == first.minor
            return Choice(minor=first.minor, why="", lock=first.lock if whole else None)
        if first.hopeless or (first.conflict and await self._is_conflict(request, candidates[1:])):
            return Choice(minor=first.minor, why="", fits=False)
        why = listed(first.missing.values()) or f"not everything asked for can be had for Python {first.minor}"
        others = [minor for minor in candidates[1:] if all(minor in one.minors for one in first.missing.values())]
        if others:
            say(f"{_capital(why)}; looking for another Python than {first.minor}.\n")
        tried = await all_of(self._try(request, minor) for minor in others)
        if fitting := [one.minor for one in tried if one.fits]:
            return Choice(minor=max(fitting, key=number), why=why)
        return await self._fewest(request, candidates)

    async def _is_conflict(self, request: LockRequest, others: Sequence[str]) -> bool:
        """
        Whether pins contradict each other on the oldest and on the newest of `others` too: the resolver does not say
        which Pythons a dependency is for.
        """
        ends = {min(others, key=number), max(others, key=number)} if others else set()
        tried = await all_of(self._try(request, minor) for minor in sorted(ends))
        return all(one.conflict for one in tried)

    async def _fewest(self, request: LockRequest, candidates: Sequence[str]) -> Choice:
        asked = ((minor, minor == candidates[0]) for minor in candidates)
        tried = await all_of(self._try(request, one, every=True, first=first) for one, first in asked)
        possible = [one for one in tried if not one.refused]
        if not possible:
            return Choice(minor=candidates[0], why="", missing=listed(tried[0].missing.values()), fits=False)
        best = min(possible, key=lambda one: len(one.missing))
        every = {name: found for one in possible for name, found in one.missing.items()}
        nowhere = not set.intersection(*(set(one.minors) for one in every.values())) if len(every) > 1 else False
        return Choice(
            minor=best.minor,
            why="",
            missing=listed(best.missing.values()),
            apart=listed(every.values()) if nowhere else "",
            fits=False,
        )

    async def _try(self, request: LockRequest, minor: str, *, every: bool = False, first: bool = False) -> _Tried:
        """
        What `request` would get on `minor`: up to the first package that has wheels for other Pythons alone, or
        `every` such package. One that was found to have no wheel is left out, and the rest asked again. Of the `first`
        that is asked about it is found out too whether another could help.
        """
        tried = _Tried(minor=minor)
        python = request.python if request.python.minor == minor else some(minor)
        left_out: frozenset[str] = frozenset()
        for _ in range(ROUNDS):
            asked = replace(request, python=python, allow_sdists=True, left_out=left_out)
            try:
                tried.lock = await self._resolve(asked, lambda text: None)
                break
            except NeedsBuilding as needed:
                lines = map(Requirement, needed.requirements)
                wanted = {str(canonicalize_name(line.name)): line for line in lines}
                await self._note(tried, wanted, request)
                if wanted.keys() <= left_out or (tried.missing and not every):
                    break
                left_out |= wanted.keys()
            except LockFailed as error:
                tried.refused, tried.conflict = True, isinstance(error, PinsConflict)
                if first and not tried.conflict:
                    await self._note(tried, _pinned(request), request)
                    tried.hopeless = tried.hopeless or await self._is_nowhere(request)
                break
        return tried

    async def _note(self, tried: _Tried, wanted: Mapping[str, Requirement], request: LockRequest) -> None:
        """Which of `wanted` other Pythons get ready-made."""
        found = await all_of(self._range(one, request) for one in wanted.values())
        for name, one in zip(wanted, found, strict=True):
            tried.hopeless |= one.nowhere
            if one.from_source:
                tried.built = True
            elif not tried.refused or tried.minor not in one.minors:
                tried.missing[name] = one

    async def _is_nowhere(self, request: LockRequest) -> bool:
        """Whether the index lacks something that is asked for: its name, or a version that all its lines allow."""
        if request.find_links is not None:  # it may be there
            return False
        found = await all_of(self._range(one, request) for one in _joined(request))
        return any(one.nowhere for one in found)

    async def _range(self, wanted: Requirement, request: LockRequest) -> WheelRange:
        async with self._few:
            try:
                files = await self._index.files(wanted.name)
            except LockFailed:  # there is no such package
                files = ()
        if (allowed := dict(request.hashes).get(str(canonicalize_name(wanted.name)))) is not None:
            files = tuple(file for file in files if file.sha256 is None or file.sha256 in allowed)
        return wheel_range(wanted, files, self._platform, request.as_of)


def _pinned(request: LockRequest) -> dict[str, Requirement]:
    """The exact pins of `request`, by normalised name."""
    lines = [Requirement(line) for line in request.requirements]
    exact = [line for line in lines if any(one.operator in ("==", "===") for one in line.specifier)]
    return {str(canonicalize_name(line.name)): line for line in exact}


def _joined(request: LockRequest) -> list[Requirement]:
    """What `request` asks for wherever it is installed, a line for each name."""
    joined: dict[str, Requirement] = {}
    for line in map(Requirement, request.requirements):
        if line.url is None and line.marker is None:
            known = joined.setdefault(str(canonicalize_name(line.name)), line)
            known.specifier &= line.specifier
    return list(joined.values())


def listed(ranges: Iterable[WheelRange]) -> str:
    """``numpy 1.14.3 and pandas 0.22.0 have wheels for Python 2.7–3.6; …``; empty for none."""
    alike: dict[str, list[str]] = {}
    for one in ranges:
        alike.setdefault(span(one.minors), []).append(one.asked)
    return "; ".join(
        f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'} wheels for Python {pythons}"
        for pythons, names in alike.items()
    )


def _capital(text: str) -> str:
    """A package's name is written as it is."""
    return f"N{text[1:]}" if text.startswith("not ") else text
