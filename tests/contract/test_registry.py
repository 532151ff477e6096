"""One client, the same promises, whichever registry is at the other end and however it lets us in."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubkiln.errors import AccessDenied, HubkilnError, NotFound, Unreachable
from hubkiln.images.credentials import Login
from hubkiln.images.interface import Descriptor, RegistrySettings
from hubkiln.images.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.images.retrying import Backoff
from hubkiln.images.session import Allowed
from hubkiln.testing.docker_registry import PASSWORD, DockerRegistry, installed
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.registry import InMemoryRegistry

real = [pytest.mark.registry, pytest.mark.skipif(not installed(), reason="docker-registry is not installed")]
KINDS = ["memory", "memory-basic", "memory-tokens", "memory-no-mounts"]
REAL = [pytest.param(kind, marks=real) for kind in ("docker", "docker-tls", "docker-password")]
LOGIN = Login(username=PASSWORD[0], password=PASSWORD[1])


@dataclass
class There:
    """A running registry and how to speak to it."""

    kind: str
    host: str
    settings: RegistrySettings
    login: bool

    def client(self, *, login: Login | None = LOGIN, allowed: Allowed | None = None) -> RegistryClient:
        logins = FixedLogins({self.host: login} if self.login and login else {})
        backoff = Backoff(attempts=2, first=0.01)
        return RegistryClient(self.settings, credentials=logins, allowed=allowed, backoff=backoff)

    def name(self, path: str, tag: str = "v1") -> ImageName:
        return parse_name(f"{self.host}/{path}:{tag}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, There]]:
    with ExitStack() as stack:
        yield _Lazily(stack, tmp_path_factory)


class _Lazily(dict[str, There]):
    """Starts each kind of registry when the first test needs it."""

    def __init__(self, stack: ExitStack, folders: pytest.TempPathFactory) -> None:
        self._stack, self._folders = stack, folders

    def __missing__(self, kind: str) -> There:
        locked = kind in ("memory-basic", "memory-tokens", "docker-password")
        if kind.startswith("memory"):
            tokens, mounts = kind == "memory-tokens", kind != "memory-no-mounts"
            memory = InMemoryRegistry(login=PASSWORD if locked else None, tokens=tokens, mounts=mounts)
            there = There(kind, self._stack.enter_context(memory).host, RegistrySettings(chunk_bytes=70_000), locked)
        else:
            folder = self._folders.mktemp(kind)
            docker = self._stack.enter_context(DockerRegistry(folder, tls=kind == "docker-tls", password=locked))
            tls = (
                {"tls_on_loopback": frozenset({docker.host}), "certificates": docker.certificate} if docker.tls else {}
            )
            there = There(kind, docker.host, RegistrySettings(chunk_bytes=70_000, **tls), locked)  # type: ignore[arg-type]
        return self.setdefault(kind, there)


@pytest.fixture(params=KINDS + REAL)
def there(request: pytest.FixtureRequest, running: dict[str, There]) -> There:
    return running[request.param]


@pytest.fixture
async def client(there: There) -> AsyncIterator[RegistryClient]:
    async with there.client() as client:
        yield client


def blob(data: bytes, media_type: str = OCI_LAYER_GZIP) -> Descriptor:
    return Descriptor(media_type=media_type, digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))


async def push_image(client: RegistryClient, name: ImageName, layer: bytes = b"layer") -> tuple[Descriptor, bytes]:
    config = b"{}"
    for data, media_type in ((config, OCI_CONFIG), (layer, OCI_LAYER_GZIP)):
        await client.upload(name, blob(data, media_type), data)
    as_json = [
        {"mediaType": one.media_type, "digest": one.digest, "size": one.size}
        for one in (blob(config, OCI_CONFIG), blob(layer))
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": as_json[0], "layers": as_json[1:]}
    data = json.dumps(document).encode()
    return await client.put_manifest(name, data), data


@pytest.mark.registry
@pytest.mark.skipif(not installed(), reason="docker-registry is not installed")
async def test_encryption_goes_by_the_name_where_the_address_was_checked(running: dict[str, There]) -> None:
    """Connected to what the guard found, and still it is the name that the certificate must be for."""
    there = running["docker-tls"]

    async def found(scheme: str, name: str, port: int) -> str:
        return "127.0.0.1"

    async with there.client(allowed=found) as client:
        await push_image(client, there.name("checked/image"))
        other = parse_name(f"registry.invalid:{there.host.rpartition(':')[2]}/checked/image:v1")
        with pytest.raises(Unreachable, match="certificate"):
            await client.manifest(other)


async def test_what_is_pushed_can_be_pulled(there: There, client: RegistryClient) -> None:
    """Manifest and blobs come back byte for byte, by tag and by digest."""
    name = there.name("a/image")
    descriptor, data = await push_image(client, name)
    assert (await client.manifest(name)).data == data
    assert (await client.manifest(name.at(descriptor.digest))).descriptor == descriptor
    assert await client.read_blob(name, blob(b"layer")) == b"layer"


async def test_presence_is_present_or_absent(there: There, client: RegistryClient) -> None:
    """A missing tag and a missing repository are absent; a pushed image is present."""
    name = there.name("b/image")
    assert await client.find(name) is None
    await push_image(client, name)
    assert await client.find(name) is not None
    assert await client.find(there.name("b/image", "other")) is None
    assert await client.find(name.at("sha256:" + "0" * 64)) is None


async def test_a_missing_image_is_not_found_by_name(there: There, client: RegistryClient) -> None:
    """The error names the image asked for."""
    with pytest.raises(NotFound, match="nothing/here"):
        await client.manifest(there.name("nothing/here"))


async def test_a_large_blob_goes_in_pieces_and_comes_back(there: There, client: RegistryClient, tmp_path: Path) -> None:
    """A blob larger than a chunk is uploaded from disk and downloaded to disk unchanged, telling its progress."""
    data = bytes(range(256)) * 1000
    source, target, seen = tmp_path / "source", tmp_path / "target", []
    source.write_bytes(data)
    name = there.name("c/blobs")
    await client.upload(name, blob(data), source, lambda digest, done, total: seen.append(done))
    assert await client.has_blob(name, blob(data).digest)
    await client.download(name, blob(data), target)
    assert target.read_bytes() == data
    assert seen == sorted(seen) and seen[-1] == len(data) and len(seen) > 2


async def test_an_empty_blob_can_be_pushed(there: There, client: RegistryClient, tmp_path: Path) -> None:
    """Nothing is a blob too."""
    name = there.name("c/empty")
    await client.upload(name, blob(b""), b"")
    await client.download(name, blob(b""), tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


async def test_a_blob_is_mounted_or_the_answer_is_no(there: There, client: RegistryClient) -> None:
    """Mounting makes a blob appear in another repository; a registry that will not, leaves no open upload."""
    source, target = there.name("d/source"), there.name("d/target")
    await client.upload(source, blob(b"mount me"), b"mount me")
    mounted = await client.mount(target, blob(b"mount me").digest, "d/source")
    assert mounted is (there.kind != "memory-no-mounts")
    assert await client.has_blob(target, blob(b"mount me").digest) is mounted
    assert await client.mount(target, "sha256:" + "1" * 64, "d/source") is False


async def test_a_manifest_without_its_blobs_is_refused(there: There, client: RegistryClient) -> None:
    """A registry that lost a blob says so when the manifest comes; it is an error, not a broken image."""
    layer = {"mediaType": OCI_LAYER_GZIP, "digest": "sha256:" + "2" * 64, "size": 5}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": layer | {"mediaType": OCI_CONFIG},
        "layers": [layer],
    }
    with pytest.raises(HubkilnError):
        await client.put_manifest(there.name("e/broken"), json.dumps(document).encode())


async def test_the_right_platform_is_chosen_from_an_index(there: There, client: RegistryClient) -> None:
    """Of an image for several platforms we get ours; one without ours says which it has."""
    name = there.name("f/image")
    descriptor, data = await push_image(client, name)
    other, _ = await push_image(client, there.name("f/image", "arm"), b"other")
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": one.digest,
            "size": one.size,
            "platform": {"os": "linux", "architecture": arch},
        }
        for one, arch in ((other, "arm64"), (descriptor, "amd64"))
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    await client.put_manifest(there.name("f/image", "multi"), json.dumps(index).encode(), OCI_INDEX)
    assert (await client.manifest(there.name("f/image", "multi"))).data == data
    with pytest.raises(NotFound) as caught:
        await client.manifest(there.name("f/image", "multi"), "linux/riscv64")
    assert "linux/arm64" in caught.value.hint


async def test_many_operations_at_once_are_all_done(there: There, client: RegistryClient) -> None:
    """One client may be used by many tasks."""
    name = there.name("g/many")
    blobs = [f"blob {n}".encode() for n in range(20)]
    await asyncio.gather(*(client.upload(name, blob(data), data) for data in blobs))
    assert all(await asyncio.gather(*(client.has_blob(name, blob(data).digest) for data in blobs)))


@pytest.mark.parametrize("login", [None, Login(username="ann", password="wrong")])
async def test_a_stranger_is_told_to_log_in(there: There, login: Login | None) -> None:
    """Without the right password the answer is AccessDenied with a hint, and the image is never said to be absent."""
    if not there.login:
        pytest.skip("this registry lets everybody in")
    async with there.client(login=login) as stranger:
        with pytest.raises(AccessDenied) as caught:
            await stranger.manifest(there.name("h/secret"))
        assert "login" in caught.value.hint
        with pytest.raises(AccessDenied):
            await stranger.find(there.name("h/secret"))


@pytest.mark.registry
@pytest.mark.skipif(not installed(), reason="docker-registry is not installed")
async def test_an_unknown_authority_is_said_with_what_to_do(running: dict[str, There]) -> None:
    """At once, for waiting cures nothing; the setting is named."""
    there = running["docker-tls"]
    settings = RegistrySettings(tls_on_loopback=frozenset({there.host}))
    async with RegistryClient(settings, credentials=FixedLogins()) as client:
        with pytest.raises(Unreachable, match="cannot be trusted") as caught:
            await client.find(there.name("a/image"), push=True)
    assert "registry_certificates" in caught.value.hint and not caught.value.passing
