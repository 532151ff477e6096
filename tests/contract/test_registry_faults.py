"""Bad networks and busy registries are survived: the same result, or one clear sentence, and nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.errors import AccessDenied, HubkilnError, NotFound, Refused, Unreachable
from hubkiln.images.credentials import Login
from hubkiln.images.interface import Descriptor, Layer, RegistrySettings
from hubkiln.images.manifest import Runtime, compose
from hubkiln.images.media_types import OCI_LAYER_GZIP
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.images.retrying import Backoff
from hubkiln.testing.docker_registry import DockerRegistry, installed
from hubkiln.testing.faults import (
    Answer,
    Damage,
    DropRequest,
    Fault,
    FaultProxy,
    Script,
    Stall,
    Swallow,
    Truncate,
    once,
)
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.registry import InMemoryRegistry

real = [pytest.mark.registry, pytest.mark.skipif(not installed(), reason="docker-registry is not installed")]
DATA = bytes(range(256)) * 1200
EMPTY = "sha256:" + hashlib.sha256().hexdigest()
BLOB = Descriptor(media_type=OCI_LAYER_GZIP, digest="sha256:" + hashlib.sha256(DATA).hexdigest(), size=len(DATA))
SETTINGS = RegistrySettings(chunk_bytes=100_000, read_seconds=30, attempts=4)
IMPATIENT = replace(SETTINGS, read_seconds=0.5)
SLOW_STALL = pytest.param(Stall(), marks=pytest.mark.slow)  # each attempt waits
Through = Callable[..., AbstractAsyncContextManager[tuple[RegistryClient, FaultProxy]]]


class Upstream:
    """Either registry, and what it has left open."""

    def __init__(self, registry: InMemoryRegistry | DockerRegistry) -> None:
        self.registry, self.host = registry, registry.host

    def open_uploads(self) -> int:
        if isinstance(self.registry, DockerRegistry):
            return len(self.registry.uploads())
        return sum(len(one.uploads) for one in self.registry.repositories.values())


DOCKER = pytest.param("docker", marks=real)


@pytest.fixture(params=["memory", DOCKER])
def upstream(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upstream]:
    with InMemoryRegistry() if request.param == "memory" else DockerRegistry(tmp_path / "registry") as registry:
        yield Upstream(registry)


@pytest.fixture
def through(upstream: Upstream) -> Through:
    @asynccontextmanager
    async def connected(script: Script, fault: Fault | None = None) -> AsyncIterator[tuple[RegistryClient, FaultProxy]]:
        settings = IMPATIENT if isinstance(fault, Stall) else SETTINGS
        backoff = Backoff(attempts=4, first=0.01)
        async with (
            FaultProxy(upstream.host, script) as proxy,
            RegistryClient(settings, credentials=FixedLogins(), backoff=backoff) as client,
        ):
            yield client, proxy

    return connected


def name(proxy: FaultProxy) -> ImageName:
    return parse_name(f"{proxy.host}/a/image:v1")


@pytest.mark.parametrize(
    "fault",
    [
        ("POST", "uploads", Answer(500)),
        ("POST", "uploads", DropRequest()),
        ("PATCH", "uploads", DropRequest(0)),
        ("PATCH", "uploads", DropRequest(50_000)),
        ("PATCH", "uploads", Answer(503)),
        ("PATCH", "uploads", Truncate()),
        ("PATCH", "uploads", Stall()),
        ("PATCH", "uploads", Swallow()),
        ("PUT", "digest=", Swallow()),
        ("PUT", "digest=", Answer(502)),
        ("PUT", "digest=", DropRequest()),
        ("PUT", "digest=", Answer(429, {"Retry-After": "0"})),
    ],
    ids=str,
)
async def test_a_large_upload_survives(
    upstream: Upstream, through: Through, tmp_path: Path, fault: tuple[str, str, Fault]
) -> None:
    """Whatever breaks once, the blob arrives whole and no upload stays open."""
    (tmp_path / "blob").write_bytes(DATA)
    async with through(once(fault), fault[2]) as (client, proxy):
        await client.upload(name(proxy), BLOB, tmp_path / "blob")
        assert await client.read_blob(name(proxy), BLOB) == DATA
    unheard = fault[0] == "POST" and isinstance(fault[2], DropRequest)
    partial = fault[0] == "PATCH" and isinstance(fault[2], Swallow | DropRequest) and fault[2] != DropRequest(0)
    at_once = fault[0] == "PUT" and isinstance(fault[2], DropRequest)  # it may still finish while it is asked
    left = unheard or ((partial or at_once) and isinstance(upstream.registry, DockerRegistry))
    assert upstream.open_uploads() <= left, "see docs/reference/registry.md"


async def test_an_upload_goes_on_where_it_broke(tmp_path: Path) -> None:
    """Pieces that arrived are not sent again."""
    (tmp_path / "blob").write_bytes(DATA)
    sent = once(("PATCH", "uploads", DropRequest(10)))
    seen = 0

    def second_piece(method: str, target: str) -> Fault | None:
        nonlocal seen
        seen += method == "PATCH"
        return sent(method, target) if seen == 2 else None

    with InMemoryRegistry() as registry:
        async with (
            FaultProxy(registry.host, second_piece) as proxy,
            RegistryClient(SETTINGS, backoff=Backoff(first=0.01)) as client,
        ):
            await client.upload(name(proxy), BLOB, tmp_path / "blob")
            assert [method for method, _ in proxy.seen].count("POST") == 1
        assert sum(len(one.body) for one in registry.requests if one.method == "PATCH") == len(DATA)


@pytest.mark.parametrize(
    "fault",
    [Answer(500), Truncate(0), Truncate(150_000), Damage(), SLOW_STALL, Answer(429, {"Retry-After": "0"})],
    ids=str,
)
async def test_a_download_survives(through: Through, tmp_path: Path, fault: Fault) -> None:
    """Cut off, damaged, stalled, refused for a moment: the file is whole and right."""
    async with through(lambda method, target: None, fault) as (client, proxy):
        await client.upload(name(proxy), BLOB, DATA)
        proxy.script = once(("GET", BLOB.digest, fault))
        await client.download(name(proxy), BLOB, tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == DATA


async def test_a_download_goes_on_where_it_broke(through: Through, tmp_path: Path) -> None:
    """However often the line breaks, as long as bytes come."""
    async with through(lambda method, target: None) as (client, proxy):
        await client.upload(name(proxy), BLOB, DATA)
        proxy.script = once(*[("GET", BLOB.digest, Truncate(40_000))] * 6)
        seen: list[int] = []
        await client.download(name(proxy), BLOB, tmp_path / "blob", lambda digest, done, total: seen.append(done))
    assert (tmp_path / "blob").read_bytes() == DATA
    assert seen == sorted(seen), "nothing was fetched twice"


async def test_damage_that_stays_is_unreachable_and_leaves_no_file(through: Through, tmp_path: Path) -> None:
    """A wrong digest never gets onto the disk under its name."""
    async with through(lambda method, target: None) as (client, proxy):
        await client.upload(name(proxy), BLOB, DATA)
        proxy.script = lambda method, target: Damage() if method == "GET" else None
        with pytest.raises(Unreachable, match="damaged"):
            await client.download(name(proxy), BLOB, tmp_path / "blob")
    assert not (tmp_path / "blob").exists()


@pytest.mark.parametrize(
    "fault", [Answer(500), DropRequest(), SLOW_STALL, Answer(429, {"Retry-After": "3600"})], ids=str
)
async def test_a_registry_in_trouble_is_unknown_never_absent(through: Through, fault: Fault) -> None:
    """“Cannot tell” must not start a build, and the error says what to do."""
    async with through(lambda method, target: fault, fault) as (client, proxy):
        with pytest.raises(Unreachable):
            await client.find(name(proxy))
        with pytest.raises(Unreachable) as caught:
            await client.manifest(name(proxy))
        assert caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("upstream", [DOCKER], indirect=True)
async def test_what_other_builders_store_at_the_same_moment_is_no_part_lost(upstream: Upstream) -> None:
    """
    Builds that begin together send the same layers: docker-registry then lacks a layer for a moment that it has.

    The registry in memory has no such moment.
    """
    target = parse_name(f"{upstream.host}/steps/work")
    shared = Layer(descriptor=BLOB, diff_id=BLOB.digest)

    async def storing(client: RegistryClient) -> None:
        for _ in range(50):
            await client.upload(target, BLOB, DATA)

    async def building(client: RegistryClient, who: int) -> None:
        for number in range(50):
            image = compose(None, [(shared, "shared")], Runtime(labels=(("mark", f"{who}-{number}"),)))
            await client.upload(target, image.config_descriptor, image.config)
            await client.put_manifest(target.at(image.descriptor.digest), image.manifest)

    async with RegistryClient(SETTINGS, backoff=Backoff(first=0.01)) as client:
        await client.upload(target, BLOB, DATA)
        async with asyncio.TaskGroup() as group:
            for who in range(4):
                group.create_task(storing(client))
                group.create_task(building(client, who))


async def test_an_upload_given_up_is_cancelled_at_the_registry(
    upstream: Upstream, through: Through, tmp_path: Path
) -> None:
    """A push that fails for good leaves no upload open."""
    (tmp_path / "blob").write_bytes(DATA)
    async with through(lambda method, target: Answer(500) if method == "PUT" else None) as (client, proxy):
        with pytest.raises(Unreachable):
            await client.upload(name(proxy), BLOB, tmp_path / "blob")
    assert upstream.open_uploads() == 0


async def test_a_cancelled_upload_is_cancelled_at_the_registry(
    upstream: Upstream, through: Through, tmp_path: Path
) -> None:
    """A build that is stopped in the middle of a push leaves no upload open."""
    (tmp_path / "blob").write_bytes(DATA)
    stalled = asyncio.Event()

    def stall(method: str, target: str) -> Fault | None:
        if method == "PUT":
            stalled.set()
        return Stall() if method == "PUT" else None

    async with through(stall) as (client, proxy):
        task = asyncio.create_task(client.upload(name(proxy), BLOB, tmp_path / "blob"))
        await stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert upstream.open_uploads() == 0


async def test_a_token_that_expires_midway_is_renewed(tmp_path: Path) -> None:
    """A long push outlives its token."""
    (tmp_path / "blob").write_bytes(DATA)
    login = ("ann", "secret")
    with InMemoryRegistry(login=login, tokens=True) as registry:
        logins = FixedLogins({registry.host: Login(username="ann", password="secret")})
        async with RegistryClient(SETTINGS, credentials=logins) as client:
            target = parse_name(f"{registry.host}/a/image")
            expire = lambda digest, done, total: registry.issued.clear()  # noqa: E731
            await client.upload(target, BLOB, tmp_path / "blob", expire)
        assert registry.count("GET", "/token") >= 3


async def test_nobody_listening_is_unreachable() -> None:
    """One sentence with the host in it."""
    async with RegistryClient(SETTINGS, backoff=Backoff(attempts=2, first=0.01)) as client:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            await client.manifest(parse_name("127.0.0.1:9/x"))


@pytest.mark.registry
async def test_a_registry_of_this_machine_that_speaks_tls_is_said(tmp_path: Path) -> None:
    """It answers what is sent without encryption with a bare 400: the hint has the setting."""
    if not installed():
        pytest.skip("docker-registry is not installed")
    with DockerRegistry(tmp_path / "registry", tls=True) as registry:
        async with RegistryClient(SETTINGS) as client:
            with pytest.raises(HubkilnError) as raised:
                await client.find(parse_name(f"{registry.host}/a/image"))
    assert registry.host in raised.value.hint and "tls_on_loopback" in raised.value.hint


async def test_a_host_that_is_not_allowed_is_never_asked() -> None:
    """Neither the registry, nor where it redirects to."""

    async def refuse(scheme: str, host: str, port: int) -> str:
        raise Refused(f"{host} may not be asked")

    with InMemoryRegistry() as registry:
        async with RegistryClient(SETTINGS, allowed=refuse) as client:
            with pytest.raises(Refused, match=r"^127\.0\.0\.1 may"):
                await client.manifest(parse_name(f"{registry.host}/x"))
        assert registry.requests == []


async def test_a_redirect_loses_the_credentials_and_is_checked() -> None:
    """Storage elsewhere never sees the registry's password, and must be an allowed host."""
    with InMemoryRegistry() as storage, InMemoryRegistry(login=("ann", "secret")) as registry:
        async with RegistryClient(SETTINGS) as client:
            await client.upload(parse_name(f"{storage.host}/a/image"), BLOB, DATA)
        elsewhere = f"http://localhost:{storage.host.partition(':')[2]}/v2/a/image/blobs/{BLOB.digest}"
        script = lambda method, target: Answer(307, {"Location": elsewhere}) if "blobs" in target else None  # noqa: E731
        async with FaultProxy(registry.host, script) as proxy:
            logins = FixedLogins({proxy.host: Login(username="ann", password="secret")})
            target = parse_name(f"{proxy.host}/a/image")
            async with RegistryClient(SETTINGS, credentials=logins) as client:
                with pytest.raises(NotFound):
                    await client.manifest(target)
                assert await client.read_blob(target, BLOB) == DATA
            assert "Authorization" not in storage.requests[-1].headers

            async def only_loopback_number(scheme: str, host: str, port: int) -> str:
                if host != "127.0.0.1":
                    raise Refused(host)
                return host

            async with RegistryClient(SETTINGS, credentials=logins, allowed=only_loopback_number) as client:
                with pytest.raises(Refused, match="localhost"):
                    await client.read_blob(target, BLOB)


@pytest.mark.parametrize("where", ["http://[", "http://a:99999/x"])
async def test_a_registry_that_leads_to_no_address_is_told_so(where: str) -> None:
    """Where it redirects to, where it wants an upload sent, and where it says that tokens are."""
    answers = {
        "GET": Answer(307, {"Location": where}),
        "POST": Answer(202, {"Location": where}),
        "HEAD": Answer(401, {"WWW-Authenticate": f'Bearer realm="{where}"'}),
    }
    with InMemoryRegistry() as registry:
        async with (
            FaultProxy(registry.host, lambda method, target: answers.get(method)) as proxy,
            RegistryClient(SETTINGS, backoff=Backoff(attempts=2, first=0.01)) as client,
        ):
            target = parse_name(f"{proxy.host}/a/image")
            with pytest.raises(HubkilnError):
                await client.read_blob(target, BLOB)
            with pytest.raises(HubkilnError):
                await client.upload(target, BLOB, DATA)
            with pytest.raises(HubkilnError):
                await client.has_blob(target, BLOB.digest)


@pytest.mark.parametrize(
    "fault", [Answer(500), Answer(405), Answer(404), Answer(429, {"Retry-After": "3600"})], ids=str
)
async def test_what_a_registry_opens_in_place_of_mounting_is_no_reason_to_fail(fault: Fault) -> None:
    """Where it cannot be cancelled either, the answer is still no: the blob is uploaded."""
    with InMemoryRegistry(mounts=False) as registry:
        script = lambda method, target: fault if method == "DELETE" else None  # noqa: E731
        async with (
            FaultProxy(registry.host, script) as proxy,
            RegistryClient(SETTINGS, backoff=Backoff(attempts=2, first=0.01)) as client,
        ):
            await client.upload(parse_name(f"{proxy.host}/b/image"), BLOB, DATA)
            assert await client.mount(name(proxy), BLOB.digest, "b/image") is False
            assert [method for method, _ in proxy.seen].count("DELETE") == 1


async def test_an_upload_that_is_led_elsewhere_takes_no_credentials_along(tmp_path: Path) -> None:
    """Some registries let another host take the pieces: it gets them, and no password."""
    (tmp_path / "blob").write_bytes(DATA)
    with InMemoryRegistry() as storage, InMemoryRegistry(login=("ann", "secret")) as registry:
        async with RegistryClient(SETTINGS) as client:
            await client.upload(
                parse_name(f"{storage.host}/a/image"), Descriptor(media_type=OCI_LAYER_GZIP, digest=EMPTY, size=0), b""
            )
        storage.repositories["a/image"].uploads["x"] = bytearray()
        there = f"http://localhost:{storage.host.partition(':')[2]}/v2/a/image/blobs/uploads/x"
        script = once(("POST", "uploads", Answer(202, {"Location": there})))
        async with FaultProxy(registry.host, script) as proxy:
            logins = FixedLogins({proxy.host: Login(username="ann", password="secret")})
            async with RegistryClient(SETTINGS, credentials=logins) as client:
                await client.upload(name(proxy), BLOB, tmp_path / "blob")
        assert storage.repositories["a/image"].blobs[BLOB.digest] == DATA
        assert not any("Authorization" in request.headers for request in storage.requests)


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name that nobody else could look up leads where the guard said, and is still the registry's name."""
    with InMemoryRegistry() as one:
        port = one.host.partition(":")[2]
        asked: list[tuple[str, str, int]] = []

        async def found(scheme: str, host: str, port: int) -> str:
            asked.append((scheme, host, port))
            return "127.0.0.1"

        name = f"registry.invalid:{port}"
        settings = replace(SETTINGS, plain_http=frozenset((name,)))
        async with RegistryClient(settings, allowed=found) as client:
            await client.upload(parse_name(f"{name}/a/image"), BLOB, DATA)
            assert await client.read_blob(parse_name(f"{name}/a/image"), BLOB) == DATA
        assert set(asked) == {("http", "registry.invalid", int(port))}
        assert {request.headers["Host"] for request in one.requests} == {name}


async def test_a_registry_that_asks_forever_is_denied() -> None:
    """401 after a token is an answer, not a reason to go on."""
    with InMemoryRegistry() as registry:
        async with (
            FaultProxy(registry.host, lambda method, target: Answer(401)) as proxy,
            RegistryClient(SETTINGS) as client,
        ):
            with pytest.raises(AccessDenied):
                await client.document(parse_name(f"{proxy.host}/a/image"))
