"""Which versions go together for an old Python: resolvelib's search, as pip's, over what an index has.

Markers and tags are read for the Python that is asked about. What has sources alone is taken without knowing what it
needs: it is built first, and everything asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver

from hubkiln.errors import LockFailed
from hubkiln.packages import stack
from hubkiln.packages.interface import LockRequest
from hubkiln.packages.simple_index import Index, IndexFile
from hubkiln.packages.tags import environment_for, tags_for
from hubkiln.packages.uv_locker import ask, named
from hubkiln.packages.wheel_needs import WheelNeeds

_ROUNDS = 20_000


@dataclass(frozen=True)
class Candidate:
    """A version that could be taken."""

    name: str
    version: Version
    extras: frozenset[str]
    file: IndexFile
    is_source: bool = False


class KnownWheels:
    """What there is of each package, best first; asked from the resolver's thread."""

    def __init__(
        self,
        request: LockRequest,
        platform: str,
        index: Index,
        needs: WheelNeeds,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._request, self._index, self._loop = request, index, loop
        self._tags: dict[Tag, int] = {tag: place for place, tag in enumerate(tags_for(request.python, platform))}
        self.environment = environment_for(request.python, platform)
        self._read = needs
        self._known: dict[str, list[Candidate]] = {}
        self._preferred = {canonicalize_name(name): version for name, version in _preferred(request)}
        self._undated = self._preferred.keys() - named(request)
        self._ours = _in_folder(request.find_links)

    async def look_ahead(self) -> None:
        """Ask at once about what will surely be asked about."""

        async def one(name: str) -> None:
            with suppress(LockFailed):
                if name not in self._ours:
                    self._known[name] = self._sorted(name, await self._index.files(name))
                    best = self._known[name][:1]
                    await asyncio.gather(*(self._read.requires(c.file) for c in best if not c.is_source))

        await asyncio.gather(*map(one, {*self._preferred, *named(self._request)} - self._request.left_out))

    def of(self, name: str) -> list[Candidate]:
        """Candidates of `name` without extras, those that are preferred first; sources only where nothing is built."""
        if name not in self._known:
            files = (
                self._ours.get(name) or asyncio.run_coroutine_threadsafe(self._index.files(name), self._loop).result()
            )
            self._known[name] = self._sorted(name, files)
        return self._known[name]

    def needs(self, one: Candidate) -> list[Requirement]:
        """What `one` needs on this Python."""
        if one.is_source:
            return []
        lines = asyncio.run_coroutine_threadsafe(self._read.requires(one.file), self._loop).result()
        return [found for found in map(Requirement, lines) if self.holds(found, one.extras)]

    def holds(self, requirement: Requirement, extras: Iterable[str] = ()) -> bool:
        """Whether it counts here."""
        if canonicalize_name(requirement.name) in self._request.left_out:
            return False
        marker = requirement.marker
        values: dict[str, Any] = dict(self.environment)
        return marker is None or any(marker.evaluate({**values, "extra": extra}) for extra in ("", *extras))

    def _sorted(self, name: str, files: Sequence[IndexFile]) -> list[Candidate]:
        wheels: dict[Version, tuple[int, IndexFile]] = {}
        sources: dict[Version, IndexFile] = {}
        as_of = None if name in self._undated or name in self._ours else self._request.as_of
        for file in files:
            if file.yanked or not file.was_there(as_of) or not self._runs(file):
                continue
            if (found := _wheel(file.filename)) is not None:
                version, tags = found
                places = [self._tags[tag] for tag in tags if tag in self._tags]
                if places and (version not in wheels or min(places) < wheels[version][0]):
                    wheels[version] = (min(places), file)
            elif (source := _source(file.filename)) is not None:
                sources[source] = file
        preferred = self._preferred.get(canonicalize_name(name))
        ready = [Candidate(name, version, frozenset(), file) for version, (_, file) in wheels.items()]
        ready.sort(key=lambda one: (str(one.version) == preferred, one.version), reverse=True)
        built = [Candidate(name, version, frozenset(), file, True) for version, file in sources.items()]
        return ready + sorted(
            (one for one in built if one.version not in wheels), key=attrgetter("version"), reverse=True
        )

    def _runs(self, file: IndexFile) -> bool:
        try:
            return SpecifierSet(file.requires_python).contains(self._request.python.version)
        except InvalidSpecifier:
            return True


class _Provider(AbstractProvider[Requirement, Candidate, str]):
    """resolvelib's questions, answered from :class:`KnownWheels`."""

    def __init__(self, wheels: KnownWheels, constraints: Mapping[str, SpecifierSet]) -> None:
        self._wheels, self._constraints = wheels, constraints

    def identify(self, requirement_or_candidate: Requirement | Candidate) -> str:
        extras = ",".join(sorted(requirement_or_candidate.extras))
        name = canonicalize_name(requirement_or_candidate.name)
        return f"{name}[{extras}]" if extras else name

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, str]:
        asked = [one.requirement for one in information[identifier]]
        causes = {self.identify(cause.requirement) for cause in backtrack_causes}
        pinned = any(one.operator in ("==", "===") for requirement in asked for one in requirement.specifier)
        return (identifier not in causes, not pinned, identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> list[Candidate]:
        name, _, extras = identifier.removesuffix("]").partition("[")
        wanted = list(requirements[identifier])
        excluded = {one.version for one in incompatibilities[identifier]}
        allowed = [one.specifier for one in wanted] + [self._constraints.get(name, SpecifierSet())]
        matching = [
            Candidate(name, one.version, frozenset(filter(None, extras.split(","))), one.file, one.is_source)
            for one in self._wheels.of(name)
            if one.version not in excluded and all(spec.contains(one.version, prereleases=True) for spec in allowed)
        ]
        final = [one for one in matching if not one.version.is_prerelease]
        ready = [one for one in final or matching if not one.is_source]
        return ready or final or matching

    def is_satisfied_by(self, requirement: Requirement, candidate: Candidate) -> bool:
        return requirement.specifier.contains(candidate.version, prereleases=True)

    def get_dependencies(self, candidate: Candidate) -> list[Requirement]:
        needs = self._wheels.needs(candidate)
        return [Requirement(f"{candidate.name}=={candidate.version}"), *needs] if candidate.extras else needs


def resolved(request: LockRequest, wheels: KnownWheels) -> list[Candidate]:
    """The packages; in a thread, for resolvelib does not wait."""
    texts = ask(request)
    asked = [Requirement(line) for line in texts.requirements.splitlines()]
    bounds: dict[str, SpecifierSet] = defaultdict(SpecifierSet)
    for line in map(Requirement, texts.constraints.splitlines()):
        if wheels.holds(line):
            bounds[canonicalize_name(line.name)] &= line.specifier
    resolver: Resolver[Requirement, Candidate, str] = Resolver(_Provider(wheels, bounds), BaseReporter())
    try:
        result = resolver.resolve([one for one in asked if wheels.holds(one)], max_rounds=_ROUNDS)
    except ResolutionImpossible as error:
        raise _impossible(error, request.python.minor, wheels) from error
    except ResolutionTooDeep as error:
        raise LockFailed(
            "No set of versions that go together was found in time.", hint="Pin more packages to exact versions."
        ) from error
    by_name = {one.name: one for one in result.mapping.values()}
    return [by_name[name] for name in sorted(by_name)]


def _impossible(error: ResolutionImpossible[Requirement, Candidate], minor: str, wheels: KnownWheels) -> LockFailed:
    causes = [(str(one.requirement), one.parent) for one in error.causes]
    told = [f"{text} ({f'{by.name} {by.version}' if by else 'asked for'})" for text, by in dict(causes).items()]
    if len(told) == 1:
        name = canonicalize_name(next(iter(error.causes)).requirement.name)
        there = sorted({one.version for one in wheels.of(name)})
        what = ", ".join(map(str, there[-8:])) or "nothing"
        return LockFailed(
            f"There is no {told[0]} for Python {minor}; the index has {what} for it.", hint="Ask for one of those."
        )
    return LockFailed(
        f"These cannot be had together for Python {minor}: {'; '.join(sorted(told)[:8])}.",
        hint="Loosen or correct one of the versions.",
    )


def _preferred(request: LockRequest) -> tuple[tuple[str, str], ...]:
    return stack.preferred(request.python.minor) if request.stack else ()


def _in_folder(folder: Path | None) -> dict[str, list[IndexFile]]:
    """Wheels that we built ourselves, by name: those are meant, whatever the index has."""
    found: dict[str, list[IndexFile]] = defaultdict(list)
    for path in sorted(folder.glob("*.whl")) if folder is not None else ():
        found[parse_wheel_filename(path.name)[0]].append(
            IndexFile(filename=path.name, url=path.absolute().as_uri(), sha256=_sha256(path))
        )
    return dict(found)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wheel(filename: str) -> tuple[Version, frozenset[Tag]] | None:
    try:
        _, version, _, tags = parse_wheel_filename(filename)
        return version, tags
    except (InvalidWheelFilename, InvalidVersion):
        return None


def _source(filename: str) -> Version | None:
    try:
        return parse_sdist_filename(filename)[1]
    except (InvalidSdistFilename, InvalidVersion):
        return None
