"""A hub's server for an image that has none, as of a Dockerfile that brings a language and no Jupyter.

The Jupyter stack is put beside what the image has, as an environment over the image's own Python that also sees that
Python's packages: so the kernel it offers is the image's. It comes last on the image's ``PATH``, which stays as it was
for everything else.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hubkiln.builds import Reporter
from hubkiln.composer.bases import pythons_of
from hubkiln.composer.targets import WheelLayers, tree_key
from hubkiln.conventions import SERVER, SYSTEM_PATH
from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, Unsupported
from hubkiln.folders import put
from hubkiln.images import LayerStore, LazyLayer, group_layers
from hubkiln.keys import short_digest
from hubkiln.local_images import LocalImage, has_program, places_of
from hubkiln.packages import Lock, LockRequest, Packages, layout_for, prefix_tree
from hubkiln.sandbox import BuildEngine
from hubkiln.stores import use
from hubkiln.trees import Entry, Tree
from hubkiln.values import PREFIX, Interpreter, Say

MOST = 30
"""Layers for the server's packages."""

BESIDE = 1
"""Version of how a server is put beside an image; in the key of every image."""

_CONFIG = "pyvenv.cfg"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """What is put beside an image."""

    python: Interpreter
    """The image's."""
    lock: Lock
    path: str
    """The image's ``PATH`` with it."""

    @property
    def config(self) -> bytes:
        """What makes the environment see the packages of the image's Python."""
        home, version = self.python.path.parent, self.python.version
        return f"home = {home}\ninclude-system-site-packages = true\nversion = {version}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Puts servers beside images."""

    data: DataDir
    packages: Packages
    engine: BuildEngine

    async def find(self, image: LocalImage, say: Say) -> OwnServer | None:
        """
        The server for `image`, whose layers are unpacked; None if it has its own, or no Python that can run ours.

        Raises:
            Unreachable; EngineMissing, ServiceError: nothing can run here.
        """
        if has_program(image, places_of(self.data.rooms, image.rootfs), SERVER):
            return None
        path = dict(image.env).get("PATH") or SYSTEM_PATH
        places = path.split(":")

        def place(python: Interpreter) -> int:
            folder = str(python.path.parent)
            return places.index(folder) if folder in places else len(places)

        for python in sorted(await pythons_of(self.data, self.engine, image.rootfs), key=place):
            try:
                lock = await self.packages.lock(LockRequest(requirements=(), python=python), say)
                await self.packages.worker(python)
            except (LockFailed, Unsupported):
                continue
            say(f"The image has no {SERVER}: one of ours is put beside it, over its own Python {python.version}.\n")
            return OwnServer(python=python, lock=lock, path=f"{path}:/{PREFIX}/bin")
        return None

    async def beside(self, image: LocalImage, server: OwnServer, reporter: Reporter) -> LocalImage:
        """
        `image` with `server`, on this machine.

        Raises:
            BadWheel, Unreachable, DiskFull: its packages cannot be had.
        """
        worker = await self.packages.worker(server.python)
        made = await self.packages.environment(
            server.lock, server.python, reporter.say, reporter.progress, compiler=worker
        )
        await self.packages.compile(server.lock, server.python)
        key = short_digest(["server beside", server.config.decode()])
        folder = self.data.steps / key
        use(self.data.root, folder)
        if not folder.is_dir():
            new = self.data.work / f"beside-{uuid.uuid4().hex}"
            (new / "environment").mkdir(parents=True)
            (new / "environment" / _CONFIG).write_bytes(server.config)
            put(new, folder)
        env = dict(image.env) | {"PATH": server.path}
        steps = (*image.steps, (f"/{PREFIX}", f"{key}/environment"))
        return replace(image, environment=made.key, steps=steps, env=tuple(env.items()))

    @asynccontextmanager
    async def layers(
        self, server: OwnServer | None, store: Callable[[], LayerStore], reporter: Reporter
    ) -> AsyncIterator[list[LazyLayer]]:
        """The layers of `server` for a push, which happens in this context; none for None."""
        if server is None:
            yield []
            return
        layers = store()
        tree = with_config(prefix_tree(server.python, layout_for(server.python.minor)), server.config)
        first = layers.lazy(tree_key(tree), lambda: tree, title="the server's prefix")
        wheels = WheelLayers(self.data, self.packages, layers, server.python, server.lock.wheels, reporter)
        async with wheels.open():
            await wheels.look()
            yield [first, *(wheels.layer(one) for one in group_layers(wheels.parts(), budget=MOST))]


def with_config(tree: Tree, config: bytes) -> Tree:
    """The prefix `tree` with that ``pyvenv.cfg``."""

    def changed(entry: Entry) -> Entry:
        own = entry.path == f"{PREFIX}/{_CONFIG}"
        return replace(entry, size=len(config), source=config) if own else entry

    return Tree(tuple(changed(entry) for entry in tree))


def rough_sign(dockerfile: Path) -> bool:
    """Whether a Dockerfile says anything of Jupyter, be it the image that it starts from."""
    try:
        with dockerfile.open("rb") as file:
            text = file.read(1 << 20).lower()
    except OSError:
        return True
    return any(word in text for word in (b"jupyter", b"binder", b"pangeo", b"hubkiln", b"repo2docker", b"notebook"))
