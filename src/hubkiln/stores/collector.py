"""Mark and sweep: what nobody needs any more, found, explained and taken away, beside those who build and run.

Safe by one rule. A collection begins at a moment; what anybody used since, or since the oldest live lease began, stays
with all that it needs. Marks of use and taking away exclude each other, so each thing is looked at once more in the
moment before it goes, in an order in which nothing goes before what needs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.removal import remove
from hubkiln.stores.interface import DAY, Collection, CollectSettings, Lease, Ref, Root, Store, Swept, Thing
from hubkiln.stores.leases import live_leases
from hubkiln.stores.sizes import Sizes
from hubkiln.stores.trash import Trash
from hubkiln.stores.uses import WINDOW, alone

_BATCH = 100
"""Things that go while others wait: some milliseconds."""

Needs = dict[Ref, tuple[Ref, ...]]


@dataclass
class Collector:
    """Collects what is in `stores` below the data folder `root`. Blocks: give it a thread or a process of its own."""

    root: Path
    stores: Sequence[Store]
    now: Callable[[], float] = time.time
    remove: Callable[[Path], None] = remove
    """Deletes a folder."""
    _by_name: dict[str, Store] = field(init=False)

    def __post_init__(self) -> None:
        self._by_name = {store.name: store for store in self.stores}

    def begin(self) -> Beginning:
        """The moment that a collection counts from; roots that come after it are found by their marks."""
        started = self.now()
        with alone(self.root):
            leases = live_leases(self.root, self.now)
        since = min((started, *(lease.since for lease in leases)))
        if any(lease.since > started + WINDOW for lease in leases):
            since = 0.0  # the clock was set back: times say nothing until they are done
        return Beginning(started, since - WINDOW, tuple(leases))

    def mark(self, beginning: Beginning, roots: Iterable[Root], settings: CollectSettings) -> Collection:
        """What stays and what goes, nothing changed."""
        things = {Ref(store.name, thing.key): thing for store in self.stores for thing in store.things()}
        needs = {ref: tuple(self._by_name[ref.store].needs(ref.key)) for ref in things}
        before = min(beginning.safe_before, beginning.started - settings.keep_seconds)
        firm = tuple(root for root in roots if root.ref in things)
        recent = [Root(ref, _ago(beginning.started, thing)) for ref, thing in things.items() if thing.used >= before]
        kept = _reached((*firm, *sorted(recent, key=lambda root: -things[root.ref].used)), things, needs)
        sizes = self._sizes(things)
        if settings.keep_bytes is not None:
            must = [root for root in recent if things[root.ref].used >= beginning.safe_before]
            stay = _reached((*firm, *must), things, needs)
            for ref in _too_much(kept, stay, things, needs, sizes, settings.keep_bytes):
                del kept[ref]
        garbage = _ordered([ref for ref in things if ref not in kept], needs)
        return Collection(
            started=beginning.started,
            before=before,
            roots=(*firm, *(root for root in recent if root.ref in kept)),
            kept=kept,
            garbage=tuple(garbage),
            needs={ref: needs[ref] for ref in garbage},
            sizes=sizes,
            leases=beginning.leases,
            safe_before=beginning.safe_before,
        )

    def sweep(self, found: Collection) -> Swept:
        """Take away the garbage of `found`, but what somebody has come to use since; its files are deleted."""
        swept, trash = Swept(), Trash(self.root, self.remove)
        trash.empty()
        for start in range(0, len(found.garbage), _BATCH):
            with alone(self.root):
                for ref in found.garbage[start : start + _BATCH]:
                    self._sweep(ref, found, swept)
            trash.empty()
        return swept

    def _sweep(self, ref: Ref, found: Collection, swept: Swept) -> None:
        store = self._by_name[ref.store]
        used = store.used(ref.key)
        if used is not None and used >= found.safe_before:
            swept.rescued.update(_closure(ref, found.needs))
        if used is None or ref in swept.rescued:
            return
        store.drop(ref.key)
        swept.gone.append(ref)
        swept.bytes += found.sizes[ref]

    def _sizes(self, things: dict[Ref, Thing]) -> dict[Ref, int]:
        sizes = Sizes(self.root)
        found = {ref: sizes.of(self._by_name[ref.store], thing) for ref, thing in things.items()}
        sizes.keep()
        return found


@dataclass(frozen=True, slots=True)
class Beginning:
    """See :meth:`Collector.begin`."""

    started: float
    safe_before: float
    leases: tuple[Lease, ...]


def _reached(roots: Iterable[Root], things: dict[Ref, Thing], needs: Needs) -> dict[Ref, Root]:
    """All that `roots` need, directly or not, each with the first root that needs it."""
    kept: dict[Ref, Root] = {}
    for root in roots:
        if root.ref in kept:
            continue
        kept[root.ref] = root
        waiting = [root.ref]
        while waiting:
            for ref in needs[waiting.pop()]:
                if ref in things and ref not in kept:
                    kept[ref] = root
                    waiting.append(ref)
    return kept


def _too_much(
    kept: dict[Ref, Root],
    stay: dict[Ref, Root],
    things: dict[Ref, Thing],
    needs: Needs,
    sizes: dict[Ref, int],
    most: int,
) -> Iterator[Ref]:
    """Those of `kept` to let go until all takes `most` bytes, used longest ago first, none before what needs it."""
    total = sum(sizes[ref] for ref in kept)
    loose = sorted((ref for ref in kept if ref not in stay), key=lambda ref: -things[ref].used)
    used: dict[Ref, float] = {}
    for ref in loose:  # a thing is as young as the youngest that needs it
        waiting = [] if ref in used else [ref]
        while waiting:
            one = waiting.pop()
            if one not in used:
                used[one] = things[ref].used
                waiting += [below for below in needs[one] if below in kept and below not in stay]
    for ref in sorted(_ordered(loose, needs), key=lambda ref: used[ref]):
        if total <= most:
            return
        total -= sizes[ref]
        yield ref


def _ordered(refs: Iterable[Ref], needs: Needs) -> list[Ref]:
    """`refs` so that each comes before what it needs."""
    wanted = set(refs)
    done: dict[Ref, None] = {}
    entered: set[Ref] = set()
    for first in sorted(wanted, reverse=True):
        waiting = [(first, False)]
        while waiting:
            ref, left = waiting.pop()
            if left:
                done[ref] = None
            elif ref not in entered:
                entered.add(ref)
                waiting.append((ref, True))
                waiting += [(below, False) for below in needs.get(ref, ()) if below in wanted]
    return list(reversed(done))


def _closure(ref: Ref, needs: Mapping[Ref, tuple[Ref, ...]]) -> set[Ref]:
    """`ref` and all that it needs."""
    found, waiting = {ref}, [ref]
    while waiting:
        for below in needs.get(waiting.pop(), ()):
            if below not in found:
                found.add(below)
                waiting.append(below)
    return found


def _ago(now: float, thing: Thing) -> str:
    seconds = max(0.0, now - thing.used)
    for size, name in ((DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"used {count} {name}{'s' if count != 1 else ''} ago"
    return "used just now"
