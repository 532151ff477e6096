"""The layers of an order, as lazy layers that a push makes only where a registry lacks them.

A wheel's layer is spliced from the wheel itself. Those of the Jupyter stack carry byte code, from the store's own
trees, because every server starts by reading them; a user's packages are compiled when they are first imported.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.builds import Reporter
from hubkiln.composer.targets.overlaps import Overlaps
from hubkiln.data_dir import DataDir
from hubkiln.images import BIG, LayerGroup, LayerPart, LayerStore, LazyLayer, MadeLayer, Role, merge_trees
from hubkiln.packages import Packages, Wheel, layout_for, plan_wheel, preferred_stack
from hubkiln.trees import Entry, Tree
from hubkiln.values import BYTECODE, FORMAT, Interpreter


@dataclass
class WheelLayers:
    """The layers of one lock's wheels, for one build; use as a context (:meth:`open`) that ends what it began."""

    data: DataDir
    packages: Packages
    layers: LayerStore
    python: Interpreter
    wheels: Sequence[Wheel]
    reporter: Reporter
    _plans: dict[Wheel, Tree] = field(default_factory=dict)
    _noting: list[asyncio.Task[None]] = field(default_factory=list)
    _making: list[asyncio.Task[None]] = field(default_factory=list)
    _unpacked: asyncio.Future[dict[Wheel, Path]] | None = None
    _worker: Interpreter | None = None
    """Who compiled the stack; known once it is unpacked."""

    def __post_init__(self) -> None:
        self._overlaps = Overlaps(self.data.root, self.data.cache / "overlaps")
        preferred = set(preferred_stack(self.python.minor))
        self.stack = tuple(wheel for wheel in self.wheels if (wheel.name, wheel.version) in preferred)
        """Those in exactly the version that most environments have."""
        self._stacked = frozenset(self.stack)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[WheelLayers]:
        """Itself; what still runs at the end is cancelled, and has ended."""
        try:
            yield self
        finally:
            running = (*self._noting, *self._making, *((self._unpacked,) if self._unpacked else ()))
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def look(self) -> None:
        """
        Fetch the wheels whose files are not known yet, and note those; large ones become layers as they arrive.

        Who asks for such a :meth:`layer` afterwards waits for that one alone, so that it is sent while others are made.

        Raises:
            BadWheel, LockFailed, Unreachable, DiskFull, TooLarge.
        """
        unknown = self.unknown()
        if not unknown:
            return
        megabytes = sum(wheel.size or 0 for wheel in unknown) / 1e6
        self.reporter.say(f"{len(unknown)} of {len(self.wheels)} packages are new here ({megabytes:.1f} MB).\n")
        if not self._stacked.isdisjoint(unknown):
            self._unpacking()  # their layers will need it; meanwhile the others arrive

        def arrived(wheel: Wheel, path: Path) -> None:
            self._noting.append(asyncio.ensure_future(self._arrived(wheel)))

        await self.packages.store.downloads.ensure(unknown, self.reporter.progress, arrived)
        await asyncio.gather(*self._noting)

    def unknown(self) -> list[Wheel]:
        """Wheels whose files were never looked at here."""
        return [wheel for wheel in self.wheels if not self._overlaps.has(wheel, self.python.minor)]

    def parts(self) -> list[LayerPart]:
        """For :func:`hubkiln.images.layer_groups.group`; after :meth:`look`."""
        together = self._overlaps.together(self.wheels, self.python.minor)
        for first in sorted(set(together.values())):
            names = [wheel.name for wheel in self.wheels if together.get(wheel) == first]
            self.reporter.say(
                f"Note: {' and '.join(names)} bring different files to the same place; the last one wins.\n"
            )
        return [self.part(wheel, together.get(wheel, "")) for wheel in self.wheels]

    def part(self, wheel: Wheel, together: str = "") -> LayerPart:
        """The smallest layer that holds `wheel`."""
        stacked = wheel in self._stacked and not together
        key = layer_key("wheel", wheel.sha256, layout_for(self.python.minor), BYTECODE if stacked else "")
        role = Role.STACK if stacked else Role.WHEEL
        return LayerPart(key=key, name=wheel.name, role=role, size=wheel.size or 0, together=together)

    def layer(self, group: LayerGroup) -> LazyLayer:
        """The layer of `group`, made when it is asked for."""
        named = {wheel.name: wheel for wheel in self.wheels}
        wheels = [named[part.name] for part in group.parts]

        async def make() -> MadeLayer:
            await self.packages.store.downloads.ensure(wheels)
            if group.role is Role.STACK:
                await self.trees()
            return await self.layers.layer(group.key, self._entries(wheels, group.role is Role.STACK))

        return LazyLayer(key=group.key, make=make, title=group.title)

    async def trees(self) -> dict[Wheel, Path]:
        """The stack's wheels, unpacked in the store; once for all who wait."""
        return await asyncio.shield(self._unpacking())

    def _unpacking(self) -> asyncio.Future[dict[Wheel, Path]]:
        if self._unpacked is None:
            self._unpacked = asyncio.ensure_future(self._unpack())
            self._unpacked.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waits raises
        return self._unpacked

    async def _unpack(self) -> dict[Wheel, Path]:
        self._worker = await self.packages.worker(self.python)
        trees = await self.packages.store.ensure(self.stack, self._worker, lambda text: None)
        await self.packages.store.compiled(self.stack, self._worker)
        return trees

    async def _arrived(self, wheel: Wheel) -> None:
        plan = await asyncio.to_thread(self._plan, wheel)
        await asyncio.to_thread(self._overlaps.note, wheel, self.python.minor, plan)
        part = self.part(wheel)
        if part.role is Role.WHEEL and part.size >= BIG and self.layers.index.get(part.key) is None:
            self._making.append(asyncio.ensure_future(self._made(part.key, plan)))

    async def _made(self, key: str, plan: Tree) -> None:
        with suppress(Exception):  # whoever needs it sees the error
            await self.layers.layer(key, lambda: plan)

    def _plan(self, wheel: Wheel) -> Tree:
        if wheel not in self._plans:
            path = self.packages.store.downloads.path(wheel)
            self._plans[wheel] = plan_wheel(path, layout_for(self.python.minor))
        return self._plans[wheel]

    def _entries(self, wheels: Sequence[Wheel], stacked: bool) -> Callable[[], Iterable[Entry]]:
        store = self.packages.store

        def entries() -> Iterable[Entry]:
            python = self._worker or self.python
            plans = [self._plan(wheel) for wheel in wheels]
            named = zip(wheels, plans, strict=True)
            trees = [store.tree_here(wheel, python, plan) for wheel, plan in named] if stacked else plans
            return trees[0] if len(trees) == 1 else merge_trees(trees)[0]

        return entries


def layer_key(kind: str, *named: object) -> str:
    """Name of a layer by what decides its bytes."""
    text = json.dumps([FORMAT, kind, *named], default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def tree_key(tree: Tree) -> str:
    """The same for a tree whose bytes are all in memory."""
    named = [
        (one.path, one.mode, one.uid, one.gid, one.mtime, one.link, hashlib.sha256(one.source).hexdigest())
        if isinstance(one.source, bytes)
        else (one.path, one.mode, one.uid, one.gid, one.mtime, one.link)
        for one in tree
    ]
    return layer_key("tree", named)
