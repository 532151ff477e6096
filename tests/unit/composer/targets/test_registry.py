"""Images composed into a registry: what is made, what is only asked for, and what must never happen."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubkiln.assembly import CAN
from hubkiln.builds.events import Phase
from hubkiln.builds.interface import BuildRequest
from hubkiln.errors import (
    BadSpec,
    BuildFailed,
    EngineMissing,
    LockFailed,
    NotFound,
    ServiceError,
    Unreachable,
    Unsupported,
)
from hubkiln.images import OCI_CONFIG, OCI_MANIFEST, PushSettings, PushTarget
from hubkiln.packages import stack
from hubkiln.packages.interface import Lock, LockRequest, Wheel
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.testing.faults import Answer, DropRequest, Fault, FaultProxy, once
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.registry import InMemoryRegistry, Repository, digest_of
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine
from hubkiln.testing.workshop import InMemoryLocks
from hubkiln.values import Say
from index_server import Index, serve
from pushing import Builder
from wheels import make_wheel

pytestmark = pytest.mark.slow

REPOSITORY = "gh/ann/work"
REQUIREMENTS = "one\ntwo\n"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with two packages, and with one of the Jupyter stack's name and version."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    with serve(folder) as running:
        yield running


@pytest.fixture
def wheels(index: Index) -> list[Wheel]:
    """What the index has."""
    folder, minor = index.folder, ".".join(map(str, sys.version_info[:2]))
    stacked = dict(stack.preferred(minor))["ipykernel"]
    made = [
        make_wheel(folder, "one", files={"one.py": "X = 1\n" * 1000, "shared.py": "A = 1\n"}),
        make_wheel(folder, "two", entry_points="[console_scripts]\ntwo = two:main\n", files={"two.py": "Y = 1\n"}),
        make_wheel(folder, "quarrel", files={"shared.py": "A = 2\n"}),
        make_wheel(folder, "ipykernel", stacked, files={"ipykernel/__init__.py": "Z = 1\n"}),
    ]
    return [index.wheel(path) for path in made]


@pytest.fixture
def repositories() -> FakeRepositories:
    """One repository."""
    found = FakeRepositories()
    found.add(REPOSITORY, {"requirements.txt": REQUIREMENTS, "note.ipynb": "{}", "start": '#!/bin/sh\nexec "$@"\n'})
    return found


@pytest.fixture
def registry() -> Iterator[InMemoryRegistry]:
    """A registry."""
    with InMemoryRegistry() as running:
        yield running


@pytest.fixture
def builder(tmp_path: Path, repositories: FakeRepositories, wheels: list[Wheel]) -> Callable[..., Builder]:
    """Makes machines that share nothing but a book of locks."""
    book = InMemoryLocks()
    return lambda name="here", **more: Builder(tmp_path / name, repositories, wheels, book, **more)


def documents(registry: InMemoryRegistry, image: str, name: str = "binder") -> tuple[dict, dict]:  # type: ignore[type-arg]
    """Manifest and configuration of an image by digest."""
    repository = registry.repositories[name]
    manifest = json.loads(repository.manifests[image.partition("@")[2]][1])
    return manifest, json.loads(repository.blobs[manifest["config"]["digest"]])


async def test_an_image_says_what_it_is(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """Variables, user, entrypoint, the repository's start script, labels, a history line per layer."""
    built = await builder().push(REPOSITORY, f"{registry.host}/binder")
    manifest, config = documents(registry, built.image)
    started = config["config"]
    assert started["User"] == "1000" and started["WorkingDir"] == "/srv/repo"
    assert started["Entrypoint"][-1] == "/usr/local/bin/hubkiln-start"
    assert "R2D_ENTRYPOINT=/srv/repo/start" in started["Env"] and "HUBKILN_REPOSITORY=work" in started["Env"]
    assert started["Labels"]["org.opencontainers.image.revision"] == built.commit
    assert started["Labels"]["io.hubkiln.environment-key"] == built.environment_key
    assert started["Labels"]["io.hubkiln.lock-digest"] == built.lock_digest
    assert len(config["history"]) == len(manifest["layers"]) == built.layers["total"]
    assert config["history"][-1]["created_by"] == "the repository's files"


@pytest.mark.slow
async def test_the_same_build_elsewhere_gives_the_same_digest(
    builder: Callable[..., Builder], registry: InMemoryRegistry
) -> None:
    """Two machines that share no folder, and two registries."""
    with InMemoryRegistry() as other:
        one = await builder("one").push(REPOSITORY, f"{registry.host}/binder")
        two = await builder("two").push(REPOSITORY, f"{other.host}/binder")
    assert one.image.partition("@")[2] == two.image.partition("@")[2]


@pytest.mark.parametrize("name", ["one", "nothing-of-that-name"])
async def test_the_base_is_begun_while_packages_are_resolved(
    builder: Callable[..., Builder],
    repositories: FakeRepositories,
    wheels: list[Wheel],
    registry: InMemoryRegistry,
    name: str,
) -> None:
    """It is there when it is needed; where packages cannot be had, it is given up, and nothing is left."""

    class Patient(FakeLocker):
        async def lock(self, request: LockRequest, say: Say) -> Lock:
            await machine.told.until("Unpacking layer")
            return await super().lock(request, say)

    repositories.add(REPOSITORY, {"requirements.txt": name})
    machine = builder(locker=Patient(wheels))
    pushing = machine.push(REPOSITORY, f"{registry.host}/binder")
    if name == "one":
        assert (await pushing).image
    else:
        with pytest.raises(LockFailed, match="no package named"):
            await pushing
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert list(machine.data.work.iterdir()) == []


@pytest.mark.slow
async def test_a_server_is_tried_while_other_packages_are_on_their_way(
    builder: Callable[..., Builder],
    repositories: FakeRepositories,
    wheels: list[Wheel],
    index: Index,
    registry: InMemoryRegistry,
) -> None:
    """It needs the Jupyter stack and the base alone; a package that comes late is waited for by its layer alone."""
    repositories.add(REPOSITORY, {"requirements.txt": "one\n"})
    machine = builder()
    late = next(wheel for wheel in wheels if wheel.name == "one")
    index.held[late.filename] = machine.checks.asked
    built = await machine.push(REPOSITORY, f"{registry.host}/binder")
    assert built.image and index.wanted[f"/files/{late.filename}"] == 1, "its download was not given up and tried again"
    assert machine.told.phases.index(Phase.PUSHING) < machine.told.phases.index(Phase.VERIFYING)


async def test_what_is_there_is_one_question(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """Built again, nothing is sent; on a machine that knows nothing of it, too."""
    first = await builder().push(REPOSITORY, f"{registry.host}/binder")
    asked = len(registry.requests)
    machine = builder("elsewhere")
    again = await machine.push(REPOSITORY, f"{registry.host}/binder")
    assert again.image == first.image and again.reused
    assert [request.method for request in registry.requests[asked:]] == ["HEAD"]
    assert machine.checks.images == []
    assert machine.told.phases[-1] is Phase.PUSHING


async def test_a_notebook_costs_a_layer(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """Another commit with the same requirements: content, configuration and manifest are sent, nothing else."""
    machine = builder()
    first = await machine.push(REPOSITORY, f"{registry.host}/binder")
    start = '#!/bin/sh\nexec "$@"\n'
    repositories.add(REPOSITORY, {"requirements.txt": REQUIREMENTS, "note.ipynb": "{...}", "start": start})
    second = await machine.push(REPOSITORY, f"{registry.host}/binder")
    assert second.layers["uploaded"] == 2 and second.reused and second.environment_key == first.environment_key
    assert len(machine.checks.images) == 2  # the server alone, then through `start`
    below = [documents(registry, image)[0]["layers"][:-1] for image in (first.image, second.image)]
    assert below[0] == below[1]


async def test_a_tag_means_the_image(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """The tag that was asked for, when the image is made and when it is found."""
    machine = builder()
    built = await machine.push(REPOSITORY, f"{registry.host}/binder:first")
    await machine.push(REPOSITORY, f"{registry.host}/binder:second")
    tags = registry.repositories["binder"].tags
    assert tags["first"] == tags["second"] == tags[built.tag] == built.image.partition("@")[2]


@pytest.mark.slow
async def test_another_repository_is_filled_by_mounting(
    builder: Callable[..., Builder], registry: InMemoryRegistry
) -> None:
    """No blob is sent twice to one registry."""
    machine = builder()
    await machine.push(REPOSITORY, f"{registry.host}/binder")
    other = await machine.push(REPOSITORY, f"{registry.host}/other")
    assert other.layers["uploaded"] == 0 and other.layers["mounted"] == other.layers["total"] + 1


async def test_a_registry_that_does_not_tell_is_no_reason_to_build(
    builder: Callable[..., Builder], registry: InMemoryRegistry
) -> None:
    """Nothing is fetched, made or sent when it cannot be asked."""
    host = registry.host
    registry.__exit__(None, None, None)
    machine = builder()
    with pytest.raises(ServiceError):
        await machine.push(REPOSITORY, f"{host}/binder")
    assert not list(machine.data.wheels.iterdir())


async def test_an_image_in_which_no_server_starts_is_not_named(
    builder: Callable[..., Builder], registry: InMemoryRegistry
) -> None:
    """Its layers may be there; no manifest and no tag is."""
    machine = builder()
    machine.checks.code = 1
    with pytest.raises(BuildFailed, match="jupyterhub-singleuser does not start"):
        await machine.push(REPOSITORY, f"{registry.host}/binder:tag")
    assert not registry.repositories["binder"].manifests and not registry.repositories["binder"].tags


@pytest.mark.parametrize(
    ("platform", "kind", "says"),
    [(None, NotFound, "base/none"), ("riscv64", Unsupported, "is for linux/riscv64, and this machine is")],
)
async def test_a_base_image_that_cannot_be_had_is_known_before_anything_is_fetched(
    builder: Callable[..., Builder], registry: InMemoryRegistry, platform: str | None, kind: type[Exception], says: str
) -> None:
    """Whether it is not there or for another kind of machine: the repository is looked up, and no more."""
    if platform is not None:
        config = json.dumps({"architecture": platform, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        described = {"mediaType": OCI_CONFIG, "digest": digest_of(config.encode()), "size": len(config)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": []})
        there = registry.repositories.setdefault("base/none", Repository())
        there.blobs[digest_of(config.encode())] = config.encode()
        there.manifests[digest_of(manifest.encode())] = (OCI_MANIFEST, manifest.encode())
        there.tags["1"] = digest_of(manifest.encode())
    machine = builder()
    with pytest.raises(kind, match=says):
        await machine.push(REPOSITORY, f"{registry.host}/binder", base_image=f"{registry.host}/base/none:1")
    assert Phase.FETCHING not in machine.told.phases


@pytest.mark.slow
async def test_an_image_whose_start_starts_nothing_is_not_named(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """It is tried with all that the repository asked for; another `start` in the same environment is another check."""
    machine = builder()
    await machine.push(REPOSITORY, f"{registry.host}/binder:good")
    repositories.add(REPOSITORY, {"requirements.txt": REQUIREMENTS, "start": "#!/bin/sh\n"})
    machine.checks.starts = False
    with pytest.raises(BuildFailed, match="`start` ends without starting the server"):
        await machine.push(REPOSITORY, f"{registry.host}/binder:tag")
    assert set(registry.repositories["binder"].tags) >= {"good"} and "tag" not in registry.repositories["binder"].tags
    assert machine.checks.images[-1].content is not None


async def test_without_a_sandbox_wheels_are_composed_and_steps_refused(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """As in an ordinary pod: the log says what was not tried; what needs a step is known before anything is made."""
    bare = FakeEngine(missing=EngineMissing("The filter of system calls forbids namespaces."))
    machine = builder(engine=bare, can=CAN)
    built = await machine.push(REPOSITORY, f"{registry.host}/binder")
    assert documents(registry, built.image) and not bare.opened and not machine.checks.images
    assert "was not tried, for want of a sandbox. The filter of system calls forbids" in machine.told.text
    for file, named in (("apt.txt", "`apt.txt`"), ("postBuild", "`postBuild`"), ("setup.py", "`pip install .`")):
        repositories.add(f"gh/ann/{file}", {file: "tree\n"})
        with pytest.raises(EngineMissing, match="forbids namespaces") as caught:
            await machine.push(f"gh/ann/{file}", f"{registry.host}/binder")
        assert named in caught.value.message and "wheels" in caught.value.hint
        assert machine.told.phases[-1] is Phase.PLANNING


@pytest.mark.slow
async def test_packages_that_quarrel_share_a_layer(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """The later one's file is the one in the image, and the log says so."""
    repositories.add("gh/ann/quarrel", {"requirements.txt": "one\nquarrel\ntwo\n"})
    machine = builder()
    built = await machine.push("gh/ann/quarrel", f"{registry.host}/binder")
    _, config = documents(registry, built.image)
    assert "one and quarrel bring different files" in machine.told.text
    assert "2 packages" in [line["created_by"] for line in config["history"]]


@pytest.mark.slow
async def test_the_stack_carries_byte_code(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """Its layer is the store's tree; a user's own package is compiled when it is first imported."""
    repositories.add("gh/ann/stack", {"requirements.txt": "ipykernel\none\n"})
    built = await builder().push("gh/ann/stack", f"{registry.host}/binder")
    manifest, _ = documents(registry, built.image)
    names: set[str] = set()
    for layer in manifest["layers"]:
        blob = registry.repositories["binder"].blobs[layer["digest"]]
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as tar:
            names |= set(tar.getnames())
    compiled = [name for name in names if name.endswith(".pyc")]
    assert len(compiled) == 1 and "ipykernel/__pycache__/__init__.cpython" in compiled[0]


@pytest.mark.slow
async def test_an_outlook_changes_nothing(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """Before the lock, before the push, after it."""
    machine = builder()
    assert (await machine.dry_run(REPOSITORY, f"{registry.host}/binder")).lock is None
    await machine.push(REPOSITORY, f"{registry.host}/binder")
    assert "is there already" in (await machine.dry_run(REPOSITORY, f"{registry.host}/binder")).steps[-1]
    sent = len([one for one in registry.requests if one.method in ("POST", "PUT", "PATCH")])
    dry_run = await machine.dry_run(REPOSITORY, f"{registry.host}/new")
    assert "0 of" in dry_run.steps[1]
    assert len([one for one in registry.requests if one.method in ("POST", "PUT", "PATCH")]) == sent


async def test_a_digest_is_no_place_to_push_to(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """Nobody can choose a digest."""
    with pytest.raises(BadSpec):
        await builder().push(REPOSITORY, f"{registry.host}/binder@sha256:{'0' * 64}")


@pytest.mark.slow
async def test_an_environment_is_made_again_from_its_lock(
    builder: Callable[..., Builder], registry: InMemoryRegistry, index: Index, wheels: list[Wheel]
) -> None:
    """After newer packages came, into an empty registry, on a machine that kept nothing but the lock."""
    old = await builder().push(REPOSITORY, f"{registry.host}/binder")
    wheels.append(index.wheel(make_wheel(index.folder, "one", "2.0", files={"one.py": "X = 2\n"})))
    new = await builder().push(REPOSITORY, f"{registry.host}/binder", refresh=True)
    assert new.lock_digest != old.lock_digest and new.image != old.image
    with InMemoryRegistry() as empty:
        again = await builder("again").push(REPOSITORY, f"{empty.host}/binder", lock=old.lock_digest)
    assert again.image.partition("@")[2] == old.image.partition("@")[2]


async def test_a_lock_that_nobody_kept_is_said(builder: Callable[..., Builder], registry: InMemoryRegistry) -> None:
    """Instead of making another."""
    with pytest.raises(NotFound, match="not kept"):
        await builder().push(REPOSITORY, f"{registry.host}/binder", lock="0" * 64)


async def test_a_python_that_cannot_be_added_names_the_base_and_the_way(
    builder: Callable[..., Builder],
    repositories: FakeRepositories,
    registry: InMemoryRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which base image, what it has, and what an admin types; it is not the repository's fault."""
    here = {python.minor for python in await find_interpreters()}
    lacks = next((minor for minor in sorted(stack.minors()) if minor not in here), None)
    if lacks is None:
        pytest.skip("this machine has every Python")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    repositories.add("gh/ann/old", {"runtime.txt": f"python-{lacks}"})
    with pytest.raises(Unsupported) as refused:
        await builder().push("gh/ann/old", f"{registry.host}/old")
    assert "The base image base:default (sha256:" in refused.value.message
    assert f"has no Python {lacks}" in refused.value.message
    assert f"hubkiln base build --python {lacks}" in refused.value.hint


@pytest.mark.slow
async def test_a_service_pushes_where_its_admin_says(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """One reference for everybody: the name that servers pull by, and the digest; each repository has its place."""
    target = PushTarget(f"{registry.host}/hub/{{name}}", "nodes.lan/hub/{name}")
    machine = builder(push=PushSettings(target=target, seconds=0))
    built = await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    [path] = registry.repositories
    digest = built.image.partition("@")[2]
    assert built.image == f"nodes.lan/{path}@{digest}" and path.startswith("hub/work-")
    assert digest in registry.repositories[path].manifests
    again = await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    assert again.image == built.image and again.reused


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        ("PUT", "/manifests/", Answer(503)),
        pytest.param("PUT", "/manifests/", Answer(429, {"Retry-After": "120"}), marks=pytest.mark.slow),
        pytest.param(
            "PUT",
            "/manifests/",
            Answer(400, body=b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}'),
            marks=pytest.mark.slow,
        ),
        pytest.param("PUT", "/manifests/", DropRequest(), marks=pytest.mark.slow),
        ("POST", "/blobs/uploads/", Answer(500)),
        pytest.param("POST", "/blobs/uploads/", Answer(502), marks=pytest.mark.slow),
        pytest.param("HEAD", "/blobs/", Answer(504), marks=pytest.mark.slow),
    ],
    ids=str,
)
@pytest.mark.slow
async def test_a_registry_that_fails_for_a_while_gets_the_push_alone(
    builder: Callable[..., Builder],
    registry: InMemoryRegistry,
    repositories: FakeRepositories,
    method: str,
    path: str,
    fault: Fault,
) -> None:
    """Wherever it failed: no package is fetched again, and no server tried again."""
    async with FaultProxy(registry.host, once(*[(method, path, fault)] * 3)) as proxy:
        target = PushTarget(f"{proxy.host}/hub/all", f"{proxy.host}/hub/all")
        machine = builder(push=PushSettings(target=target, seconds=1000), sleep=no_pause)
        built = await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    assert built.image.partition("@")[2] in registry.repositories["hub/all"].manifests
    assert "tried again in" in machine.told.text and len(machine.checks.images) == 2


@pytest.mark.slow
async def test_layers_that_the_registry_lost_meanwhile_are_sent_again(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """Collected between the layers and the manifest; the image is whole all the same."""
    lost: list[str] = []

    def script(method: str, target: str) -> Fault | None:
        repository = registry.repositories.get("hub/all")
        if method == "PUT" and "/manifests/" in target and repository and not lost:
            lost.extend(repository.blobs)
            repository.blobs.clear()
        return None

    async with FaultProxy(registry.host, script) as proxy:
        target = PushTarget(f"{proxy.host}/hub/all", f"{proxy.host}/hub/all")
        machine = builder(push=PushSettings(target=target, seconds=60), sleep=no_pause)
        built = await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    manifest, _ = documents(registry, built.image, "hub/all")
    assert lost and {layer["digest"] for layer in manifest["layers"]} <= set(registry.repositories["hub/all"].blobs)
    assert len(machine.checks.images) == 2


@pytest.mark.slow
async def test_a_push_that_failed_is_tried_again_alone_by_the_next_build(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """The first gives up; what it made is not made again."""
    async with FaultProxy(registry.host, lambda method, target: Answer(503) if method == "PUT" else None) as proxy:
        target = PushTarget(f"{proxy.host}/hub/all", f"{proxy.host}/hub/all")
        machine = builder(push=PushSettings(target=target, seconds=0), sleep=no_pause)
        with pytest.raises(Unreachable):
            await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
        assert "is kept" in machine.told.text
        proxy.script = lambda method, target: None
        built = await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    assert built.reused and "packages are new here" not in machine.told.text


async def test_a_login_that_is_refused_is_the_admins_turn(
    builder: Callable[..., Builder], registry: InMemoryRegistry, repositories: FakeRepositories
) -> None:
    """Not the user's, and nothing is tried again."""
    async with FaultProxy(registry.host, lambda method, target: Answer(401)) as proxy:
        target = PushTarget(f"{proxy.host}/hub/all", f"{proxy.host}/hub/all")
        machine = builder(push=PushSettings(target=target, seconds=1000), sleep=no_pause)
        with pytest.raises(ServiceError, match="does not let us") as caught:
            await machine.build(BuildRequest(spec=repositories.parse(REPOSITORY)))
    assert "admin" in caught.value.hint and "tried again" not in machine.told.text


async def no_pause(seconds: float) -> None:
    """Waits for nothing."""
