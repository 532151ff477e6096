"""What runs steps, checks and servers: bubblewrap on this machine, or pods of a cluster.

Both speak :class:`hubkiln.sandbox.BuildEngine`. A further one is a class beside :mod:`hubkiln.pods`, chosen here by a
setting; :mod:`hubkiln.assembly` asks for it and does not know which it got.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial

from hubkiln.data_dir import DataDir
from hubkiln.images import Clients, LayerStore, OciLayout, PushTarget, SqliteLayerIndex, registry_clients
from hubkiln.pods import PodEngine, RoomImages
from hubkiln.sandbox import HostSettings, Identity, SandboxEngine, SandboxSettings, current_identity
from hubkiln.settings import Settings


def pod_engine(data: DataDir, settings: Settings, layers: Callable[[], LayerStore], clients: Clients) -> PodEngine:
    """The engine of step pods, whose images go where those that are built go."""
    identity = current_identity(chosen=settings.sandbox.uid)
    images = _room_images(data, settings, identity, layers, clients)
    return PodEngine(data, settings.pods, identity, images, limits=settings.steps.limits)


def _room_images(
    data: DataDir, settings: Settings, identity: Identity, layers: Callable[[], LayerStore], clients: Clients
) -> RoomImages | None:
    pods, target = settings.pods, settings.push.target
    if pods.image:
        target = PushTarget(pods.image, target.pulled(pods.image) if target else pods.image)
    return RoomImages(data, identity, layers, clients, target) if target else None


def room_images(data: DataDir, settings: Settings, opened: ExitStack) -> RoomImages | None:
    """What brings images of step pods to their registry, until `opened` is closed; None where there is none."""
    clients = registry_clients(settings.repositories.allowed_networks, settings.registries, settings.push.target)
    identity = current_identity(chosen=settings.sandbox.uid)
    return _room_images(data, settings, identity, cache(partial(open_layers, data, opened)), clients)


def sandbox_engine(data: DataDir, host: HostSettings | None = None) -> SandboxEngine:
    """The engine of a data folder, which is never seen from inside."""
    settings = SandboxSettings(state=data.sandboxes, hidden=(data.root,), notes=data.cache, host=host or HostSettings())
    return SandboxEngine(settings)


def open_layers(data: DataDir, opened: ExitStack) -> LayerStore:
    """The layers that were made on this machine, until `opened` is closed."""
    index = SqliteLayerIndex(data.layers / "index.sqlite")  # one file for all who build on this machine
    opened.callback(index.close)
    return LayerStore(OciLayout(data.layers), index)
