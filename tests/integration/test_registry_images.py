"""Whole images to and from registries: the cheapest way for each layer, and the same digest whatever went wrong."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import pytest

from hubkiln.errors import NotFound, ServiceError, TooLarge, Unreachable
from hubkiln.images.interface import Descriptor, Layer, RegistrySettings
from hubkiln.images.layer_index import InMemoryLayerIndex, SqliteLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import Image, Runtime, compose
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.pull import pull
from hubkiln.images.push import LazyLayer, Pusher, push_from_layout
from hubkiln.images.registry import RegistryClient
from hubkiln.images.retrying import Backoff
from hubkiln.testing.docker_registry import DockerRegistry, installed
from hubkiln.testing.faults import Answer, DropRequest, Fault, FaultProxy
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.trees import Entry

real = [pytest.mark.registry, pytest.mark.skipif(not installed(), reason="docker-registry is not installed")]
QUICK = Backoff(attempts=2, first=0.01)


@pytest.fixture(params=["memory", pytest.param("docker", marks=real)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InMemoryRegistry | DockerRegistry]:
    with InMemoryRegistry() if request.param == "memory" else DockerRegistry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    async with RegistryClient(RegistrySettings(chunk_bytes=50_000), credentials=FixedLogins(), backoff=QUICK) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> LayerStore:
    return LayerStore(OciLayout(tmp_path / "store"), InMemoryLayerIndex())


def noise(seed: int, size: int) -> bytes:
    return b"".join(hashlib.sha256(f"{seed}-{n}".encode()).digest() for n in range(size // 32))


def tree(name: str, size: int = 3200) -> list[Entry]:
    data = noise(len(name), size) + name.encode()
    return [Entry(path="srv", mode=0o755), Entry(path=f"srv/{name}", mode=0o644, size=len(data), source=data)]


class Counting:
    """Pieces that count how often they were really made."""

    def __init__(self, store: LayerStore) -> None:
        self.store, self.made = store, 0

    def piece(self, name: str, size: int = 3200) -> LazyLayer:
        def entries() -> Iterable[Entry]:
            self.made += 1
            return tree(name, size)

        return self.store.lazy(f"key-{name}", entries, title=name)


def image_of(layers: list[Layer]) -> Image:
    return compose(None, [(layer, "layer") for layer in layers], Runtime(user="1000"))


async def push(
    client: RegistryClient, target: ImageName, pieces: list[LazyLayer], store: LayerStore
) -> tuple[str, Pusher]:
    pusher = Pusher(client, target, store.index)
    image = image_of(await pusher.layers(pieces))
    await pusher.image(image)
    return image.digest, pusher


async def is_there(client: RegistryClient, target: ImageName, digest: str) -> bool:
    """Whether the tag of `target` means the image `digest`."""
    found = await client.find(target)
    return found is not None and found.digest == digest


def name(host: str, path: str = "a/image", tag: str = "v1") -> ImageName:
    return parse_name(f"{host}/{path}:{tag}")


async def test_what_is_pushed_is_pulled_the_same(
    registry: InMemoryRegistry | DockerRegistry, client: RegistryClient, store: LayerStore, tmp_path: Path
) -> None:
    """Every blob, by tag, into another store; a second pull moves nothing."""
    counting = Counting(store)
    target = name(registry.host)
    digest, _ = await push(client, target, [counting.piece("one"), counting.piece("two", 200_000)], store)
    layout = OciLayout(tmp_path / "pulled")
    pulled = await pull(client, target, layout)
    assert pulled.name == target.at(digest) and pulled.config["config"]["User"] == "1000"
    for layer in pulled.layers:
        assert (
            layout.path(layer.descriptor.digest).read_bytes() == store.layout.path(layer.descriptor.digest).read_bytes()
        )
    assert layout.find(str(target)) == pulled.manifest.descriptor
    assert (await pull(client, target, layout)).moved_bytes == 0


async def test_a_known_layer_is_neither_made_nor_uploaded(
    registry: InMemoryRegistry | DockerRegistry, client: RegistryClient, store: LayerStore
) -> None:
    """The same again costs requests; one more package costs one layer; another repository costs mounts."""
    counting = Counting(store)
    pieces = [counting.piece("one"), counting.piece("two")]
    first, _ = await push(client, name(registry.host), pieces, store)
    again, pusher = await push(client, name(registry.host, tag="v2"), pieces, store)
    assert (again, counting.made, pusher.tally.present, pusher.tally.uploaded) == (first, 2, 3, 0)
    _, pusher = await push(client, name(registry.host), [*pieces, counting.piece("three")], store)
    assert (counting.made, pusher.tally.present, pusher.tally.uploaded) == (3, 2, 2)
    elsewhere, pusher = await push(client, name(registry.host, "b/other"), pieces, store)
    assert (elsewhere, counting.made, pusher.tally.mounted, pusher.tally.uploaded) == (first, 3, 3, 0)


async def test_a_forgetful_registry_gets_the_blobs_again(client: RegistryClient, store: LayerStore) -> None:
    """The index is a hint: an empty registry at the same place ends with the same digest, nothing made anew."""
    counting = Counting(store)
    with InMemoryRegistry() as registry:
        pieces = [counting.piece("one"), counting.piece("two")]
        first, _ = await push(client, name(registry.host), pieces, store)
        registry.repositories.clear()
        again, pusher = await push(client, name(registry.host), pieces, store)
        assert (again, counting.made, pusher.tally.uploaded) == (first, 2, 3)


async def test_two_stores_give_the_same_digest(client: RegistryClient, tmp_path: Path) -> None:
    """Another machine, another store, another day: one image."""
    digests = set()
    with InMemoryRegistry() as registry:
        for n in range(2):
            index = SqliteLayerIndex(tmp_path / f"index{n}")
            store = LayerStore(OciLayout(tmp_path / f"store{n}"), index)
            counting = Counting(store)
            pieces = [counting.piece("one"), counting.piece("two", 100_000)]
            digests.add((await push(client, name(registry.host, tag=f"t{n}"), pieces, store))[0])
            index.close()
    assert len(digests) == 1


async def test_two_builders_race_to_the_same_image(
    registry: InMemoryRegistry | DockerRegistry, client: RegistryClient, store: LayerStore
) -> None:
    """Both succeed, one digest, and in one process each layer is made once."""
    counting = Counting(store)
    pieces = [counting.piece(f"p{n}") for n in range(6)]
    results = await asyncio.gather(*(push(client, name(registry.host), pieces, store) for _ in range(3)))
    assert len({digest for digest, _ in results}) == 1 and counting.made == 6


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
@pytest.mark.parametrize("survived", [0, 2])
async def test_a_push_that_dies_anywhere_ends_the_same_when_repeated(
    client: RegistryClient, store: LayerStore, method: str, survived: int
) -> None:
    """A registry that vanishes at any step: an error now, the same digest after, no upload left."""
    counting = Counting(store)
    pieces = [counting.piece("one"), counting.piece("two", 200_000)]
    with InMemoryRegistry() as memory:
        async with FaultProxy(memory.host) as proxy:
            proxy.script = after(method, survived)
            with pytest.raises(Unreachable):
                await push(client, name(proxy.host), pieces, store)
            assert all(not one.tags for one in memory.repositories.values()), "nothing looks like an image"
            proxy.script = lambda verb, target: None
            digest, _ = await push(client, name(proxy.host), pieces, store)
            pulled = await client.manifest(name(proxy.host))
    assert pulled.descriptor.digest == digest == image_of(list(await known(store, pieces))).digest


def after(method: str, survived: int) -> Callable[[str, str], Fault | None]:
    """Requests with `method` break, after the first few; from then on so does everything else but cancelling."""
    seen = 0

    def script(verb: str, target: str) -> Fault | None:
        nonlocal seen
        seen += verb == method
        return DropRequest() if seen > survived and verb != "DELETE" else None

    return script


async def known(store: LayerStore, pieces: list[LazyLayer]) -> list[Layer]:
    return [(await piece.make()).layer for piece in pieces]


async def test_a_registry_that_vanishes_between_mount_and_manifest(client: RegistryClient, store: LayerStore) -> None:
    """Layers are mounted, then nobody answers; the next push finds them there."""
    counting = Counting(store)
    pieces = [counting.piece("one"), counting.piece("two")]
    with InMemoryRegistry() as memory:
        async with FaultProxy(memory.host) as proxy:
            first, _ = await push(client, name(proxy.host), pieces, store)
            proxy.script = lambda verb, target: Answer(503) if verb == "PUT" and "manifests" in target else None
            with pytest.raises(Unreachable):
                await push(client, name(proxy.host, "b/other"), pieces, store)
            proxy.script = lambda verb, target: None
            again, pusher = await push(client, name(proxy.host, "b/other"), pieces, store)
        assert (again, pusher.tally.present, pusher.tally.uploaded, counting.made) == (first, 3, 0, 2)
        assert all(not one.uploads for one in memory.repositories.values())


async def test_a_manifest_refused_in_a_race_is_sent_again(client: RegistryClient, store: LayerStore) -> None:
    """docker-registry says that the digest is wrong while another builder stores the same; if it goes on, so be it."""
    refusal = Answer(400, body=b'{"errors": [{"code": "DIGEST_INVALID", "message": "did not match"}]}')
    left = [1]

    def script(verb: str, target: str) -> Fault | None:
        if verb != "PUT" or "manifests" not in target or not left[0]:
            return None
        left[0] -= 1
        return refusal

    with InMemoryRegistry() as memory:
        async with FaultProxy(memory.host) as proxy:
            proxy.script = script
            digest, _ = await push(client, name(proxy.host), [Counting(store).piece("one")], store)
            assert left == [0] and await is_there(client, name(proxy.host), digest)
            left[0] = 100
            with pytest.raises(ServiceError, match="DIGEST_INVALID"):
                await push(client, name(proxy.host, "b/other"), [Counting(store).piece("one")], store)


async def test_a_failing_layer_stops_the_others_and_leaves_nothing(client: RegistryClient, store: LayerStore) -> None:
    """One layer that cannot be made ends the push with its own error."""

    def broken() -> Iterable[Entry]:
        raise NotFound("no such wheel")

    counting = Counting(store)
    with InMemoryRegistry() as registry:
        pieces = [counting.piece("one"), store.lazy("bad", broken)]
        with pytest.raises(NotFound, match="no such wheel"):
            await push(client, name(registry.host), pieces, store)
        assert all(not one.uploads and not one.manifests for one in registry.repositories.values())
    assert list((store.layout.root / ".partial").iterdir()) == []


async def test_an_image_on_disk_goes_to_another_registry(
    client: RegistryClient, store: LayerStore, tmp_path: Path
) -> None:
    """Pull here, push there: the same digest."""
    layout = OciLayout(tmp_path / "pulled")
    with InMemoryRegistry() as one, InMemoryRegistry() as two:
        digest, _ = await push(client, name(one.host), [Counting(store).piece("one")], store)
        pulled = await pull(client, name(one.host), layout)
        pusher = Pusher(client, name(two.host), InMemoryLayerIndex())
        assert await push_from_layout(pusher, layout, pulled.manifest.descriptor) == digest
        assert await is_there(client, name(two.host), digest)


async def test_an_image_beyond_the_limit_is_refused_before_it_moves(store: LayerStore, tmp_path: Path) -> None:
    """The manifest says how large it is."""
    settings = RegistrySettings(max_image_bytes=100)
    with InMemoryRegistry() as registry:
        async with RegistryClient(settings, credentials=FixedLogins(), backoff=QUICK) as client:
            await push(client, name(registry.host), [Counting(store).piece("one")], store)
            before = registry.count("GET", "/blobs/")
            with pytest.raises(TooLarge):
                await pull(client, name(registry.host), OciLayout(tmp_path / "p"))
        assert registry.count("GET", "/blobs/") == before + 1, "only the configuration"


async def test_an_interrupted_pull_goes_on(client: RegistryClient, store: LayerStore, tmp_path: Path) -> None:
    """What arrived stays; nothing half-done has a blob's name."""
    counting = Counting(store)
    layout = OciLayout(tmp_path / "pulled")
    with InMemoryRegistry() as memory:
        async with FaultProxy(memory.host) as proxy:
            target = name(proxy.host)
            await push(client, target, [counting.piece("one"), counting.piece("two", 200_000)], store)
            large = max((await known(store, [counting.piece("two", 200_000)])), key=lambda layer: layer.descriptor.size)
            proxy.script = lambda verb, path: Answer(500) if large.descriptor.digest in path else None
            with pytest.raises(Unreachable):
                await pull(client, target, layout)
            assert layout.find(str(target)) is None and not layout.has(large.descriptor.digest)
            proxy.script = lambda verb, path: None
            await pull(client, target, layout)
            assert layout.has(large.descriptor.digest, large.descriptor.size)


async def test_an_index_of_platforms_can_be_pulled(client: RegistryClient, store: LayerStore, tmp_path: Path) -> None:
    """Most public images are one."""
    media_type = "application/vnd.docker.distribution.manifest.list.v2+json"
    with InMemoryRegistry() as registry:
        digest, _ = await push(client, name(registry.host), [Counting(store).piece("one")], store)
        found: Descriptor | None = await client.find(name(registry.host))
        assert found is not None
        one = {"mediaType": found.media_type, "digest": digest, "size": found.size}
        entries = [one | {"platform": {"os": "linux", "architecture": "amd64"}}]
        index = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()
        await client.put_manifest(name(registry.host, tag="multi"), index, media_type)
        pulled = await pull(client, name(registry.host, tag="multi"), OciLayout(tmp_path / "p"))
    assert pulled.name.digest == digest
