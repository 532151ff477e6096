"""A room as an image: what is stacked in it becomes layers, and a throw-away image of them goes to the registry.

Layers are known by the folders they are made of, which never change, so the next step finds those of the last; those
of an environment by what they hold, so other environments share them; those of a base image are what it came with.
Over them lies one small layer that each room has for itself: who its user is, the folders that the user may write,
files that are put there, and the agent.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.errors import ServiceError, Unsupported, UserError
from hubkiln.images import (
    Clients,
    ImageName,
    Layer,
    LayerStore,
    LazyLayer,
    MadeLayer,
    Pusher,
    PushTarget,
    Runtime,
    compose_image,
    parse_name,
)
from hubkiln.keys import digest
from hubkiln.local_images import layer_folders
from hubkiln.pods import agent
from hubkiln.pods.description import AGENT
from hubkiln.pods.package_layers import Part, content, parts
from hubkiln.sandbox import Identity, Overlay, Places, Room, accounts, capture_changes, owner
from hubkiln.trees import Entry, Tree, with_parents
from hubkiln.values import FORMAT

USER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomImage:
    """In the registry."""

    name: ImageName
    """By its digest, as it was pushed."""
    pulled: str
    """The same as nodes pull it."""


class RoomImages:
    """Makes images of rooms, and takes them away."""

    def __init__(
        self, data: DataDir, identity: Identity, layers: Callable[[], LayerStore], clients: Clients, target: PushTarget
    ) -> None:
        self._data, self._identity, self._layers, self._clients = data, identity, layers, clients
        self._target = target
        self._known: dict[str, tuple[Layer, ImageName | None]] = {}
        self._parts: dict[Path, list[Part]] = {}

    def learn(self, layers: Sequence[Layer], source: ImageName | None) -> None:
        """Folders of unpacked `layers`, which are at `source`, need not be packed again."""
        self._known |= {name: (layer, source) for name, layer in layer_folders(layers, self._identity).items()}

    async def pushed(self, room: Room, mark: str) -> RoomImage:
        """
        The image of `room` in the registry, with a tag of its own that `mark` names.

        Raises:
            Unsupported: the room stands on no base image.
            AccessDenied, Unreachable, Refused, ServiceError, DiskFull.
        """
        if room.rootfs is None:
            raise Unsupported(
                "Steps that run in pods need a base image to stand on, not this machine's own system.",
                hint="An admin's turn: set base_image, or name one with --base-image.",
            )
        lazies = [*self._stacked(room.rootfs, self._target.host)]
        for overlay in room.overlays:
            lazies += await self._shared(overlay)
            lazies += self._stacked(overlay, self._target.host)
        lazies.append(await asyncio.to_thread(self._own, room))
        return await self._sent(lazies, mark)

    async def empty(self, mark: str) -> RoomImage:
        """An image with a file that says what it is for, and nothing else; raises as :meth:`pushed`."""
        text = f"pushed to see whether nodes can pull it: {mark}\n".encode()
        entry = Entry(path="about", mode=0o644, size=len(text), source=text)
        return await self._sent([self._layers().lazy(digest(["empty", mark]), lambda: [entry], title=mark)], mark)

    async def _sent(self, lazies: Sequence[LazyLayer], mark: str) -> RoomImage:
        target = parse_name(self._target.repository("steps", "work")).tagged(mark)
        async with self._clients() as client:
            pusher = Pusher(client, target, self._layers().index)
            layers = await pusher.layers(lazies)
            titled = [(layer, lazy.title) for layer, lazy in zip(layers, lazies, strict=True)]
            image = compose_image(None, titled, Runtime(labels=(("hubkiln.io/step", mark),)))
            name = target.at(await pusher.image(image))
        return RoomImage(name=name, pulled=self._target.pulled(str(name)))

    def pulled_as(self, reference: str) -> RoomImage:
        """The image that nodes pull as `reference`."""
        return RoomImage(name=parse_name(self._target.pushed(reference)), pulled=reference)

    async def remove(self, image: RoomImage) -> None:
        """Take its manifest away; its layers go with the registry's own collection. What cannot be removed stays."""
        with suppress(ServiceError, UserError):
            async with self._clients() as client:
                await client.remove(image.name)

    def _stacked(self, overlay: Overlay, host: str) -> Iterator[LazyLayer]:
        for number, lower in enumerate(overlay.lowers):
            if overlay.target == "/" and lower.name in self._known:
                yield self._as_it_came(lower.name, host)
            elif number or not self._is_environment(lower):
                yield self._packed(overlay.target, overlay.lowers[:number], lower)

    def _as_it_came(self, name: str, host: str) -> LazyLayer:
        (layer, source), store = self._known[name], self._layers()
        key = digest(["base", layer.descriptor.digest])
        store.index.put(key, layer)
        if source is not None and source.host == host:
            store.index.seen(layer.descriptor.digest, host, source.path)

        async def make() -> MadeLayer:
            return MadeLayer(layer, store.layout.path(layer.descriptor.digest))

        return LazyLayer(key=key, make=make, title="base image")

    async def _shared(self, overlay: Overlay) -> list[LazyLayer]:
        """Layers of the environment at the bottom, if one is: those that other environments have, too."""
        folder = overlay.lowers[0] if overlay.lowers else None
        if folder is None or not self._is_environment(folder):
            return []
        found = self._parts.get(folder)
        if found is None:
            found = await asyncio.to_thread(lambda: parts(self._captured(overlay.target, (), folder)))
            self._parts = {folder: found}  # for the next step of the same build
        return [self._layers().lazy(part.key, part.entries, title=part.title, whiteouts=True) for part in found]

    def _is_environment(self, folder: Path) -> bool:
        return folder.is_relative_to(self._data.environments)

    def _packed(self, target: str, below: Sequence[Path], folder: Path) -> LazyLayer:
        names = [self._name(path) for path in (*below, folder)]
        key = digest([FORMAT, "room", target, self._identity.privileged, names])
        tree = partial(self._captured, target, below, folder)
        return self._layers().lazy(key, tree, title=names[-1], whiteouts=True)

    def _captured(self, target: str, below: Sequence[Path], folder: Path) -> Tree:
        owners = [owner(self._identity, own, root=False) for own in (self._identity.uid, self._identity.gid)]
        taken = not self._identity.privileged
        none: frozenset[str] = frozenset()
        return capture_changes(folder, below, *owners, below=target.strip("/"), skip=none, taken_over=taken)

    def _name(self, folder: Path) -> str:
        """What stands for a folder: its name in our stores; elsewhere it may change, so it stands for nothing."""
        root = self._data.root
        if folder.is_relative_to(root) and not folder.is_relative_to(self._data.work):
            return folder.relative_to(root).as_posix()
        return uuid.uuid4().hex

    def _own(self, room: Room) -> LazyLayer:
        """What this room alone has."""
        entries = {entry.path: entry for entry in self._entries(room)}
        whole = {entry.path: entry for entry in with_parents(entries.values())} | entries
        found = [whole[path] for path in sorted(whole)]
        key = digest([FORMAT, "own", [[entry.path, entry.mode, entry.uid, content(entry)] for entry in found]])
        return self._layers().lazy(key, lambda: found, title="the agent, and what the step is given")

    def _entries(self, room: Room) -> Iterator[Entry]:
        assert room.rootfs is not None
        for overlay in room.overlays:
            if overlay.upper is not None:
                yield Entry(path=overlay.target.strip("/"), mode=0o755, uid=USER, gid=USER)
        for mount in (*room.mounts, *room.volumes):
            path = mount.target.strip("/")
            if path == "tmp":
                continue  # a volume of the pod
            source = mount.source.resolve()  # a file of a ConfigMap or Secret is behind links
            if source.is_file():
                yield Entry(path=path, mode=0o444, size=source.stat().st_size, source=source)
                continue
            whose = _users if mount.writable else _roots
            yield Entry(path=path, mode=0o755, uid=whose(0), gid=whose(0))
            yield from capture_changes(source, (), whose, whose, below=path, skip=frozenset())
        if not room.root:  # as bubblewrap shows them; root is in every image, and may add users
            places = Places()
            places.stack(room.rootfs)
            for name, text in zip(("passwd", "group"), accounts(places, room.user, room.home, USER, USER), strict=True):
                yield Entry(path=f"etc/{name}", mode=0o644, size=len(text), source=text)
        program = Path(agent.__file__).read_bytes()
        yield Entry(path=f"{AGENT}/agent.py", mode=0o644, size=len(program), source=program)


def _users(number: int) -> int:
    return USER


def _roots(number: int) -> int:
    return 0
