"""What is to be done with each file: a three-way comparison of what was delivered, what is there and what is new.

Nothing here changes anything. A file that only one side changed becomes that side's; where both did, the contents are
merged or the user's stays. What the user deleted without telling git comes back; what is in the way is renamed.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from .disk import FOLDER, Disk, Entry
from .report import Report


class Merged(NamedTuple):
    """Content with the changes of both sides."""

    data: bytes
    mode: str
    conflict: bool
    """Whether both changed the same lines, so that the user's are there alone."""


class Merger:
    """Merges contents; this one cannot, so the user's version stays."""

    def merge(self, path: str, base: Entry | None, mine: str, theirs: str, modes: Sequence[Entry]) -> Merged | None:
        """The file `mine` with the changes from `base`, once at `path`, to the file `theirs`; None: it cannot be."""
        return None

    def renamed(self) -> Mapping[str, str]:
        """The repository's old names with the new ones."""
        return {}


@dataclasses.dataclass
class Sides:
    """What is compared."""

    base: Mapping[str, Entry]
    """What was delivered last, as it lay in the folder."""
    theirs: Mapping[str, Entry]
    """What is to be delivered, as it lies in `source`."""
    source: Disk
    home: Disk
    known: Callable[[str], bool]
    """Whether the user's folder knows a file of that name, so that its content is a version of the repository's."""
    listed: Callable[[str], bool]
    """Whether a file of that name that is not there was deleted without a word to git."""
    absent: frozenset[str] = frozenset()
    """Files of `base` that were never in the folder, because the image left them out."""
    merger: Merger = dataclasses.field(default_factory=Merger)
    dropped: Collection[str] = ()
    """Folders whose ``.git`` will be gone before anything is changed."""


@dataclasses.dataclass
class Write:
    """A file to be put in place."""

    old: Entry | None
    """What may be replaced."""
    source: str = ""
    """The file to copy, or nothing if there is `data`."""
    data: bytes = b""
    mode: str = ""


LONGEST = 255
"""Bytes that a file's name may have."""


@dataclasses.dataclass
class Plan:
    """What is to be done, in this order: moves, removals, writes."""

    moves: dict[str, str] = dataclasses.field(default_factory=dict)
    removes: dict[str, Entry] = dataclasses.field(default_factory=dict)
    writes: dict[str, Write] = dataclasses.field(default_factory=dict)
    mine: dict[str, Entry | None] = dataclasses.field(default_factory=dict)
    """What was found of the user's at the paths that were looked at."""
    taken: set[str] = dataclasses.field(default_factory=set)
    """Paths that are as the repository has them afterwards, there or not."""

    def __bool__(self) -> bool:
        return bool(self.moves or self.removes or self.writes)


class Planner:
    """Fills a plan and a report."""

    def __init__(self, sides: Sides, report: Report, suffix: str) -> None:
        self.sides, self.report, self.suffix = sides, report, suffix
        self.plan = Plan()
        self._arriving: list[str] = []
        self._restorable: list[str] = []

    def make(self, modules: Sequence[str] = ()) -> Plan:
        """The plan; at the `modules` the repository wants repositories of their own."""
        sides, self._modules = self.sides, frozenset(modules)
        for path in sorted(sides.base.keys() | sides.theirs.keys()):
            base, theirs = sides.base.get(path), sides.theirs.get(path)
            if base == theirs and base is not None:
                if sides.home.kind(path) is None and (sides.listed(path) or path in sides.absent):
                    self._restorable.append(path)
            else:
                self._changed(path, base, theirs)
        for path in (*self._arriving, *modules):
            self._make_room(path)
        for path in self._restorable:
            self._restore(path)
        return self.plan

    def _changed(self, path: str, base: Entry | None, theirs: Entry | None) -> None:
        """The repository changed `path`."""
        if path in self.report.moved.values():
            return
        mine = self.plan.mine[path] = self.sides.home.state(path)
        if mine is not None and mine.mode != FOLDER:
            if not self.sides.known(path) and theirs is not None and mine != theirs:
                self._arrive(path, None)
            else:
                self._both(path, base, mine, theirs)
        elif theirs is None:
            self.plan.taken.add(path)
        elif self.sides.listed(path) or path in self.sides.absent:
            self._restorable.append(path)
        elif base is None:
            self._arrive(path, None)
        else:
            self._keep(path, away=True)

    def _both(self, path: str, base: Entry | None, mine: Entry, theirs: Entry | None) -> None:
        """The user has a version of `path`."""
        if mine == theirs:
            self.plan.taken.add(path)
        elif mine == base and theirs is None:
            self.plan.removes[path] = mine
            self.plan.taken.add(path)
        elif mine == base:
            self._arrive(path, mine)
        elif theirs is None:
            self._follow(path, base, mine)
        else:
            self._merge(path, path, base, mine, theirs)

    def _follow(self, path: str, base: Entry | None, mine: Entry) -> None:
        """The repository has no `path` any more, but the user changed it: it goes where the repository's went."""
        new = self.sides.merger.renamed().get(path, "")
        theirs = self.sides.theirs.get(new)
        free = bool(new) and not self.sides.known(new) and self.sides.home.kind(new) is None
        if (
            theirs is None
            or not free
            or not self.sides.home.reachable(new)
            or not self._merge(path, new, base, mine, theirs)
        ):
            self._keep(path, gone=True)

    def _merge(self, path: str, target: str, base: Entry | None, mine: Entry, theirs: Entry) -> bool:
        """Bring both sides' changes together at `target`; whether that could be."""
        home, source = self.sides.home.path(path), self.sides.source.path(target)
        merged = self.sides.merger.merge(path, base, home, source, [one for one in (base, mine, theirs) if one])
        if target != path:
            if merged is None:
                return False
            self.plan.removes[path] = mine
            self.plan.taken.update((path, target))
            self.plan.writes[target] = Write(None, data=merged.data, mode=merged.mode)
            self.report.moved[path] = target
            if merged.conflict:
                self.report.partly.append(target)
            return True
        if merged is None or (merged.mode == mine.mode and merged.data == _read(home)):
            self._keep(path)
            return False
        self.plan.writes[path] = Write(mine, data=merged.data, mode=merged.mode)
        if merged.conflict:
            self.report.partly.append(path)
        return True

    def _arrive(self, path: str, mine: Entry | None) -> None:
        self.plan.writes[path] = Write(mine, source=self.sides.source.path(path))
        self.plan.taken.add(path)
        if mine is None:
            self._arriving.append(path)

    def _keep(self, path: str, *, gone: bool = False, away: bool = False) -> None:
        self.report.yours.append(path)
        if gone:
            self.report.gone.append(path)
        if away:
            self.report.away.append(path)

    def _make_room(self, path: str) -> None:
        """Rename what is of the user's at `path`, or above it where a folder must be."""
        barrier = self.sides.home.barrier(path)
        if barrier is None:
            kind = self.sides.home.kind(path)
            if kind is None or (stat.S_ISDIR(kind) and self._leaves(path)):
                return
            barrier = path
        if barrier not in self.plan.removes and barrier not in self.plan.moves:
            self.plan.moves[barrier] = new = self._another_name(barrier)
            self._rename_in_report(barrier, new)

    def _leaves(self, folder: str) -> bool:
        """Whether the folder is one of a repository of its own that stays, or nothing stays in it."""
        if folder in self._modules and os.path.lexists(os.path.join(self.sides.home.path(folder), ".git")):
            return True
        gone = tuple(f"{one}/.git" for one in self.sides.dropped)
        kept = (path for path in self.sides.home.files(folder) if path not in self.plan.removes)
        return all(path in gone or path.startswith(tuple(f"{one}/" for one in gone)) for path in kept)

    def _rename_in_report(self, old: str, new: str) -> None:
        self.report.renamed[old] = new
        for names in (self.report.yours, self.report.gone, self.report.away):
            names[:] = [new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path for path in names]

    def _another_name(self, path: str) -> str:
        return another_name(self.sides.home, self.sides.theirs, path, self.suffix)

    def _restore(self, path: str) -> None:
        """Bring back what the user deleted, unless something of the user's took its place."""
        home = self.sides.home
        barrier = home.barrier(path)
        free = barrier in self.plan.moves or barrier in self.plan.removes if barrier else home.kind(path) is None
        if free or path in self.plan.moves:
            self.plan.writes[path] = Write(None, source=self.sides.source.path(path))
            self.plan.taken.add(path)
            if path not in self.sides.absent:
                self.report.restored.append(path)
        elif self.sides.base.get(path) != self.sides.theirs[path]:
            self._keep(path, away=True)


def another_name(home: Disk, theirs: Collection[str], path: str, suffix: str) -> str:
    """A name beside `path` that neither the user nor the repository has: with `suffix` before its ending."""
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    count = 0
    while True:
        again = f"-{count}" if count else ""
        rest = f"_{suffix}{again}{dot}{ending}"
        if len(os.fsencode(rest)) > LONGEST:
            rest = f"_{suffix}{again}"
        short = stem
        while len(os.fsencode(short + rest)) > LONGEST:
            short = short[:-1]
        new = f"{folder}{'/' if folder else ''}{short}{rest}"
        if new not in theirs and not os.path.lexists(home.path(new)):
            return new
        count += 1


def _read(path: str) -> bytes:
    if os.path.islink(path):
        return os.fsencode(os.readlink(path))
    with open(path, "rb") as file:
        return file.read()
