"""Layers into a registry: in which order things happen, seen by the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubkiln.images.interface import RegistrySettings
from hubkiln.images.layer_index import SqliteLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.images.names import parse_name
from hubkiln.images.push import LazyLayer, Pusher
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.trees import Entry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LayerStore]:
    """Makes layers in a folder; one at a time, as the slowest machine does."""
    index = SqliteLayerIndex(tmp_path / "index.sqlite")
    yield LayerStore(OciLayout(tmp_path / "layers"), index, at_once=1)
    index.close()


def lazy(store: LayerStore, name: str, before: Callable[[], object] = lambda: None) -> LazyLayer:
    """A layer of one file; `before` is called in the thread that makes it."""

    def entries() -> list[Entry]:
        before()
        return [Entry(path=name, mode=0o644, size=len(name), source=name.encode())]

    return store.lazy(name, entries, title=name)


async def test_layers_are_sent_while_others_are_made(store: LayerStore) -> None:
    """The registry has the first whole before the second is finished; nobody waits until all are there."""
    waited: list[bool] = []
    with InMemoryRegistry() as registry:
        client = RegistryClient(RegistrySettings(attempts=1), credentials=FixedLogins({}))
        pusher = Pusher(client, parse_name(f"{registry.host}/binder:1"), store.index)
        slow = lazy(store, "second", lambda: waited.append(registry.kept.wait(20)))
        async with client:
            layers = await pusher.layers([lazy(store, "first"), slow])
        assert waited == [True]
        sent = [one for one in registry.requests if one.method == "PUT" and "uploads" in one.path]
        assert [one.query["digest"] for one in sent] == [layer.descriptor.digest for layer in layers]
