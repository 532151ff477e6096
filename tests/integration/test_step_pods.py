"""Steps as pods, on a real API server and a registry: the node is a stand-in (:mod:`node`), and then a real kubelet.

The second takes what it takes, so it runs where ``HUBKILN_TEST_NODE`` is set: by ``make test-cluster``.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import tiny_python
from containers import works_here as has_runc
from kubelet import LOOPBACK, Kubernetes, needs_node
from node import Node
from sandbox_user import open_folder

from api_server import ApiServer, needs_api_server
from hubkiln.builds.current import CurrentBuild, current_build
from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.composer.steps.tree import step_tree
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, EngineMissing, HubkilnError, ServiceError, TooLarge
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.layer_index import InMemoryLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layers import write_layer
from hubkiln.images.layout import OciLayout
from hubkiln.images.push_target import PushTarget
from hubkiln.images.registry import RegistryClient
from hubkiln.pods import admission, api
from hubkiln.pods.engine import PodEngine
from hubkiln.pods.examination import examined
from hubkiln.pods.interface import PodSettings, PodWaits
from hubkiln.pods.reach import Forbidden
from hubkiln.pods.room_images import RoomImages
from hubkiln.pods.sweep import swept
from hubkiln.processes import free_port
from hubkiln.removal import remove
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import BuildEngine, Mount, Network, Overlay, Room, SandboxSettings
from hubkiln.sandbox.steps import run_step
from hubkiln.sandbox.unpack import unpack
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.values import PREFIX, Limits, utc_now

pytestmark = [
    needs_api_server,
    pytest.mark.slow,
    pytest.mark.sandbox,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not has_runc() or not tiny_python.works_here(), reason="needs root, runc and glibc"),
]

ROLE = ("--verb=create,get,list,watch,delete", "--resource=pods")
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/jovyan"}


@dataclass
class Cluster:
    """An API server with a namespace for steps, in which a service account may do what the chart lets it do."""

    server: ApiServer
    node: Node | None
    """The stand-in; None where a kubelet runs pods."""
    loopback: str
    """This machine's, as pods and nodes see it."""
    registry: InMemoryRegistry
    folder: Path
    base: Path
    store: LayerStore
    data: DataDir
    sandbox: SandboxEngine

    def config(self, namespace: str = "steps") -> api.Cluster:
        """As the service, which may use `namespace` if it is that of the steps."""
        token = self.server.kubectl("-n", "jhub", "create", "token", "hubkiln").strip()
        return replace(api.of_kubeconfig(self.server.config_of(token, "hubkiln")), namespace=namespace)

    @asynccontextmanager
    async def engine(
        self, seen_as: str = "", waits: PodWaits | None = None, **chosen: object
    ) -> AsyncIterator[PodEngine]:
        """An engine as the service has one, whose registry nodes see as another."""
        port = chosen.setdefault("port", free_port())
        settings = PodSettings(wanted=True, address=f"{self.loopback}:{port}", **chosen)  # type: ignore[arg-type]
        config = await asyncio.to_thread(self.config)
        images = self.images(seen_as)
        engine = PodEngine(self.data, settings, self.sandbox.identity, images, lambda: config, waits)
        try:
            yield engine
        finally:
            await engine.close()

    def lose_node(self, lost: bool) -> None:
        """Nobody hears of the node any more, or again."""
        if self.node is not None:
            self.node.lost = lost
        elif isinstance(self.server, Kubernetes):
            self.server.signal(signal.SIGSTOP if lost else signal.SIGCONT)

    def images(self, seen_as: str = "") -> RoomImages:
        """What brings images to the registry, which nodes see as another."""
        host, clients = self.registry.host, lambda: RegistryClient(RegistrySettings())
        target = PushTarget(f"{host}/env", f"{seen_as or host.replace('127.0.0.1', self.loopback)}/env")
        return RoomImages(self.data, self.sandbox.identity, lambda: self.store, clients, target)

    def room(self, work: str, *, root: bool = False, limits: Limits | None = None) -> Room:
        """A room over the base with an environment, whose writes go to folders of the name `work`."""
        environment = self.data.root / "environments/one"
        if not environment.is_dir():
            (environment / "lib").mkdir(parents=True)
            (environment / "lib/here").write_text("here")
            for path in (environment, environment / "lib", environment / "lib/here"):
                os.chown(path, self.sandbox.identity.uid, self.sandbox.identity.gid)
        upper = self.data.steps / work
        return Room(
            rootfs=Overlay(target="/", lowers=(self.base,), upper=upper / "root"),
            overlays=(Overlay(target=f"/{PREFIX}", lowers=(environment,), upper=upper / "environment"),),
            env=ENV,
            root=root,
            network=Network.NONE,
            limits=limits or Limits(seconds=60, memory_bytes=256 * 1024**2, disk_bytes=64 * 1024**2),
            name="step",
        )

    def layer_of(self, room: Room) -> tuple[str, list[str]]:
        """The layer of what was written in `room`: the digest of its tar, and its paths."""
        assert room.rootfs is not None
        uppers = {one.target: one.upper for one in (room.rootfs, *room.overlays) if one.upper is not None}
        places = tuple((target, upper.relative_to(self.data.steps).as_posix()) for target, upper in uppers.items())
        bottom = {one.target: one.lowers for one in (room.rootfs, *room.overlays)}
        layer = StepLayer(key="any", title="postBuild", places=places)
        tree = step_tree(self.data, self.sandbox.identity, layer, (), bottom, root=room.root)
        made = write_layer(tree, self.folder / "layer.tar.gz", whiteouts=True)
        return made.diff_id, [entry.path for entry in tree]

    def pods(self) -> list[str]:
        """Names of all pods of steps."""
        return [pod["metadata"]["name"] for pod in self.server.get("-n", "steps", "pods")["items"]]

    async def left(self) -> list[str]:
        """What has not gone after a while: pods, which have seconds to end, images and uploads."""
        for _ in range(600):
            if not (found := await asyncio.to_thread(self._leftovers)):
                break
            await asyncio.sleep(0.2)
        return found

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[Gate]:
        """What keeps steps from going on until it is opened."""
        gate = Gate()
        async with await asyncio.start_server(gate.hold, "127.0.0.1", 0) as server:
            address = (self.loopback, server.sockets[0].getsockname()[1])
            code = f"import socket; socket.create_connection({address}).recv(1)".replace("'", '"')
            gate.wait = f"python3 -I -S -c '{code}'"
            yield gate
            gate.open.set()

    def _leftovers(self) -> list[str]:
        tags = [tag for repository in self.registry.repositories.values() for tag in repository.tags]
        return [*self.pods(), *tags, *(path.name for path in self.data.work.iterdir())]


@dataclass
class Gate:
    """Steps that call `wait` go on when it is open."""

    wait: str = ""
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whoever comes hears of its end when it is open."""
        await self.open.wait()
        writer.close()


@dataclass
class Said:
    """A log, and when it said something."""

    text: str = ""
    _waiting: list[tuple[str, asyncio.Event]] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.text += text
        for word, event in self._waiting:
            if word in self.text:
                event.set()

    async def until(self, word: str) -> None:
        """Wait until it says `word`."""
        event = asyncio.Event()
        self._waiting.append((word, event))
        self("")
        await asyncio.wait_for(event.wait(), 200)


@contextmanager
def stand_in(folder: Path, registry: InMemoryRegistry) -> Iterator[tuple[ApiServer, Node | None, str]]:
    """An API server and a node in one file."""
    with ApiServer(folder / "server") as server, Node(server, folder / "node") as node:
        yield server, node, "127.0.0.1"


@contextmanager
def kubelet(folder: Path, registry: InMemoryRegistry) -> Iterator[tuple[ApiServer, Node | None, str]]:
    """A whole Kubernetes, with a kubelet over containerd."""
    with Kubernetes(folder / "server") as server:
        server.trust(registry.host.replace("127.0.0.1", LOOPBACK))
        yield server, None, LOOPBACK


@pytest.fixture(scope="module", params=[stand_in, pytest.param(kubelet, marks=needs_node)])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster, empty of pods."""
    with steps_on(request.param) as made:
        yield made


@contextmanager
def steps_on(
    nodes: Callable[[Path, InMemoryRegistry], AbstractContextManager[tuple[ApiServer, Node | None, str]]],
) -> Iterator[Cluster]:
    """A cluster with such nodes, and all that a service with steps as pods has."""
    folder = open_folder()
    (folder / "server").mkdir()
    with InMemoryRegistry() as registry, nodes(folder, registry) as (server, node, loopback):
        server.namespace("jhub", "restricted")
        server.kubectl("-n", "jhub", "create", "serviceaccount", "hubkiln")
        for name, level in (("steps", "restricted"), ("baseline", "baseline")):
            server.namespace(name, level)
            server.kubectl("-n", name, "create", "role", "steps", *ROLE)
            server.kubectl("-n", name, "create", "role", "logs", "--verb=get", "--resource=pods/log")
            for role in ("steps", "logs"):
                words = ("rolebinding", role, f"--role={role}", "--serviceaccount=jhub:hubkiln")
                server.kubectl("-n", name, "create", *words)
        data = DataDir(folder / "data").make()
        sandbox = SandboxEngine(SandboxSettings(state=folder / "state"))
        base = data.images / "layers/base"
        unpack(io.BytesIO(tiny_python.layer()), base, sandbox.identity)
        store = LayerStore(OciLayout(data.layers), InMemoryLayerIndex())
        yield Cluster(server, node, loopback, registry, folder, base, store, data, sandbox)
    remove(folder)


async def step(engine: BuildEngine, room: Room, script: str, say: Said | None = None) -> None:
    """`script` as a step in `room`."""
    await run_step(engine, engine.identity, room, ["sh", "-ec", script], say or Said(), what="postBuild")


async def test_a_step_in_a_pod_leaves_what_it_leaves_in_a_sandbox(cluster: Cluster) -> None:
    """The same room and command: the same log, the same layers byte for byte, and nothing else anywhere."""
    script = f"id -u; id -un; cd /{PREFIX}; rm lib/here; mkdir lib/new; echo 1 >lib/new/a; echo 2 >~/b; touch /tmp/c"
    here, there = cluster.room("in-sandbox"), cluster.room("in-pod")
    said, told = Said(), Said()
    await step(cluster.sandbox, here, script, said)
    async with cluster.engine() as engine:
        assert await engine.refusal() == ""
        await step(engine, there, script, told)
    assert told.text == said.text == "1000\njovyan\n"
    assert cluster.layer_of(there) == cluster.layer_of(here)
    assert f"{PREFIX}/lib/.wh.here" in cluster.layer_of(there)[1]
    assert await cluster.left() == []


async def test_what_is_behind_links_is_given_to_a_step(cluster: Cluster) -> None:
    """As certificates are that the admin's ConfigMap has: Kubernetes shows each file of one as a link to a link."""
    place = cluster.folder / "authorities"
    (place / "..2026_11_29").mkdir(parents=True)
    (place / "..2026_11_29/ca.crt").write_text("an authority\n")
    (place / "..data").symlink_to("..2026_11_29")
    (place / "ca.crt").symlink_to("..data/ca.crt")
    places = {"ca.crt": "/run/hubkiln/ca.crt", "..data": "/run/hubkiln/more"}
    given = tuple(Mount(source=place / name, target=target) for name, target in places.items())
    said = Said()
    async with cluster.engine() as engine:
        room = replace(cluster.room("behind-links"), mounts=given)
        await step(engine, room, "cat /run/hubkiln/ca.crt /run/hubkiln/more/ca.crt", said)
    assert said.text == "an authority\n" * 2
    assert await cluster.left() == []


async def test_how_a_pod_ends_is_how_its_step_ends(cluster: Cluster) -> None:
    """An exit code, a program that is not there, memory, time and disk: each explained, nothing left of any."""
    async with cluster.engine() as engine:
        small = Limits(seconds=300, memory_bytes=64 * 1024**2, disk_bytes=8 * 1024**2)
        cases: list[tuple[str, Limits, type[HubkilnError], str]] = [
            ("exit 3", small, BuildFailed, "postBuild ended with exit code 3"),
            ("exec /no/such", small, BuildFailed, "postBuild ended with exit code 127"),
            ("python3 -c 'x = bytearray(10**9)'", small, BuildFailed, "ran out of memory"),
            ("sleep 600", replace(small, seconds=1), BuildFailed, "took longer than 1 s"),
            (
                'python3 -c \'open("/home/jovyan/x","wb").write(bytes(10**7))\'; sleep 600',
                small,
                TooLarge,
                "wrote more",
            ),
        ]
        ended = await asyncio.gather(
            *(step(engine, cluster.room(f"ends-{n}", limits=case[1]), case[0]) for n, case in enumerate(cases)),
            return_exceptions=True,
        )
    for (script, _, kind, words), error in zip(cases, ended, strict=True):
        assert isinstance(error, kind), (script, error)
        assert words in str(error), (script, error)
    assert await cluster.left() == []


SPIN = """
import os
top = "/sys/fs/cgroup"
own = f"{top}/cpu" if os.path.isdir(f"{top}/cpu") else top
def read(name):
    with open(f"{own}/{name}") as file:
        return file.read().strip()
while "nr_throttled 0" in read("cpu.stat"):
    pass
print(read("cpu.max") if own == top else read("cpu.cfs_quota_us") + " " + read("cpu.cfs_period_us"))
"""


async def test_a_step_gets_no_more_cpu_than_the_admin_says(cluster: Cluster) -> None:
    """Its group has the limit of `pods_template`, and the kernel has held it back by the time that it ends."""
    said = Said()
    async with cluster.engine(template={"resources": {"limits": {"cpu": "100m"}}}) as engine:
        await step(engine, cluster.room("little-cpu"), f"python3 -I -S -c '{SPIN}'", said)
    assert said.text == "10000 100000\n"
    assert await cluster.left() == []


async def test_a_given_up_step_leaves_nothing(cluster: Cluster) -> None:
    """Whoever cancels a build gets the pod ended and everything removed."""
    async with cluster.engine() as engine:
        said = Said()
        task = asyncio.create_task(step(engine, cluster.room("given-up"), "echo begun; sleep 600", said))
        await said.until("begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await cluster.left() == []


async def test_who_takes_a_build_over_goes_on_with_its_pod(cluster: Cluster) -> None:
    """A replica that stops leaves the pod of its step; the next finds it by its name and gets what it brings."""
    name = "taken-over"
    build = CurrentBuild("build-1")
    current_build.set(build)
    port = free_port()  # one address for all replicas
    async with cluster.engine(port=port) as one, cluster.engine(port=port) as two, cluster.gate() as gate:
        script, said, told = f"echo begun; {gate.wait}; echo over >~/done", Said(), Said()
        first = asyncio.create_task(step(one, cluster.room(name), script, said))
        await said.until("begun")
        pods = await asyncio.to_thread(cluster.pods)
        build.handed_on = True
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        build.handed_on = False
        await one.close()
        room = cluster.room(name)
        second = asyncio.create_task(step(two, room, script, told))
        await told.until("begun")
        gate.open.set()
        await second
    assert len(pods) == 1
    assert told.text == "begun\n"
    assert room.rootfs is not None and room.rootfs.upper is not None
    assert (room.rootfs.upper / "home/jovyan/done").read_text() == "over\n"
    assert await cluster.left() == []


async def test_a_pod_whose_changes_were_lost_runs_once_more(cluster: Cluster) -> None:
    """Of a replica that died after its pod had ended: whoever comes next finds it, with nothing to be had of it."""
    script, room = "echo again; echo over >~/done", cluster.room("lost")
    build = CurrentBuild("build-2", handed_on=True)
    current_build.set(build)
    async with cluster.engine() as engine:
        await engine.run(replace(room, kept=False), ["sh", "-ec", script])
        assert len(await asyncio.to_thread(cluster.pods)) == 1
        build.handed_on = False
        said = Said()
        await step(engine, room, script, said)
    assert said.text == "again\nagain\n"
    assert room.rootfs is not None and room.rootfs.upper is not None
    assert (room.rootfs.upper / "home/jovyan/done").read_text() == "over\n"
    assert await cluster.left() == []


async def test_what_nobody_comes_for_is_swept(cluster: Cluster) -> None:
    """A pod that was left an hour ago, and its image in the registry; a younger one is left alone."""
    build = CurrentBuild("build-3", handed_on=True)
    current_build.set(build)
    config = await asyncio.to_thread(cluster.config)
    async with cluster.engine() as engine, api.Api(config) as client:
        await engine.run(cluster.room("swept"), ["true"])
        assert await swept(client, utc_now()) == []
        (image,) = await swept(client, utc_now() + timedelta(hours=2))
    images = cluster.images()
    await images.remove(images.pulled_as(image))
    assert await cluster.left() == []


async def test_an_api_server_that_is_away_harms_no_step(cluster: Cluster) -> None:
    """
    It is waited for, the log goes on where it was, and the step ends well.

    What it forgot meanwhile it says (410), to whoever goes on from there.
    """
    config = await asyncio.to_thread(cluster.config)
    async with cluster.engine() as engine, api.Api(config) as client, cluster.gate() as gate:
        said, room = Said(), cluster.room("away")
        script = f"echo one; {gate.wait}; echo two; echo x >~/x"
        task = asyncio.create_task(step(engine, room, script, said))
        await said.until("one")
        await asyncio.to_thread(cluster.server.stop_api)
        await said.until("does not answer")
        await asyncio.to_thread(cluster.server.start_api)
        gate.open.set()
        await task
        with pytest.raises(api.Refusal) as refused:
            async with asyncio.timeout(120):
                await anext(client.watch("any", "1"))
    assert refused.value.number == 410
    assert [line for line in said.text.splitlines() if not line.startswith("Note")] == ["one", "two"]
    assert await cluster.left() == []


async def test_what_is_not_admitted_is_refused_in_words(cluster: Cluster) -> None:
    """A step as root in a restricted namespace, and a namespace in which nothing may be made."""
    async with cluster.engine(root=True) as engine:
        with pytest.raises(EngineMissing, match=r"does not admit.*violates PodSecurity"):
            await step(engine, cluster.room("root", root=True), "id")
    async with cluster.engine() as engine:
        with pytest.raises(HubkilnError, match="may not be root here"):
            await step(engine, cluster.room("root", root=True), "id")
    async with cluster.engine(namespace="jhub") as engine:
        assert "may not create pods in the namespace jhub" in await engine.refusal()
    assert await cluster.left() == []


async def test_root_runs_where_it_is_admitted(cluster: Cluster) -> None:
    """In a namespace of the level baseline a step as root gives the layer that it gives in a sandbox."""
    script = "id -u; mkdir /opt; echo 1 >/opt/a; chown 33:50 /opt/a; rm /etc/doomed; chmod 4755 /usr/bin/cat"
    here, there = cluster.room("root-here", root=True), cluster.room("root-there", root=True)
    await step(cluster.sandbox, here, script)
    async with cluster.engine(root=True, namespace="baseline") as engine:
        await step(engine, there, script)
    assert cluster.layer_of(there) == cluster.layer_of(here)
    assert "opt/a" in cluster.layer_of(there)[1]


async def test_a_used_up_quota_is_waited_for(cluster: Cluster) -> None:
    """Another step's end makes room."""
    server = cluster.server
    await asyncio.to_thread(server.kubectl, "-n", "steps", "create", "quota", "few", "--hard=pods=0")
    counted = '{"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}'  # as the controller does, which is not here
    words = ("patch", "quota", "few", "--subresource=status", "--type=merge", "-p", counted)
    await asyncio.to_thread(server.kubectl, "-n", "steps", *words)
    async with cluster.engine() as engine:
        said = Said()
        task = asyncio.create_task(step(engine, cluster.room("quota"), "echo done", said))
        await said.until("exceeded quota: few")
        await asyncio.to_thread(server.kubectl, "-n", "steps", "delete", "quota", "few")
        await task


async def test_a_pod_that_somebody_removes_is_no_fault_of_its_step(cluster: Cluster) -> None:
    """As where a node is emptied: said as what it is, to be tried again."""
    async with cluster.engine() as engine:
        said = Said()
        task = asyncio.create_task(step(engine, cluster.room("removed"), "echo begun; sleep 600", said))
        await said.until("begun")
        words = ("-n", "steps", "delete", "pod", "--all", "--grace-period=1")
        await asyncio.to_thread(cluster.server.kubectl, *words)
        with pytest.raises(ServiceError, match="ended from outside"):
            await task
    assert await cluster.left() == []


async def test_a_lost_node_is_no_fault_of_its_step_and_is_not_waited_for(cluster: Cluster) -> None:
    """
    Its pod is removed by Kubernetes, which says why, and stays on the list while the node does not answer.

    Whoever builds again takes it off the list and does not wait for the node's return.
    """
    room = cluster.room("lost-node")
    build = CurrentBuild("build-4", handed_on=True)
    current_build.set(build)
    why = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "gone"}
    kubectl = partial(cluster.server.kubectl, "-n", "steps")
    async with cluster.engine(waits=PodWaits(going=1)) as engine, cluster.gate() as gate:
        script, said = f"echo begun; {gate.wait}; echo over >~/done", Said()
        task = asyncio.create_task(step(engine, room, script, said))
        await said.until("begun")
        await asyncio.to_thread(cluster.lose_node, True)
        gate.open.set()
        try:
            (name,) = await asyncio.to_thread(cluster.pods)
            told = json.dumps({"status": {"conditions": [why]}})
            patch = ("patch", "pod", name, "--subresource=status", "--type=strategic", "-p", told)
            await asyncio.to_thread(kubectl, *patch)
            await asyncio.to_thread(kubectl, "delete", "pod", name, "--wait=false")
            says = "its node no longer takes pods" if cluster.node else "ended from outside"  # kubelets own conditions
            with pytest.raises(ServiceError, match=says):
                await task
            assert await asyncio.to_thread(cluster.pods) == [name]
            build.handed_on, again = False, Said()
            task = asyncio.create_task(step(engine, room, script, again))
            while (found := await asyncio.to_thread(cluster.server.get, "-n", "steps", "pods"))["items"]:
                if not found["items"][0]["metadata"].get("deletionTimestamp"):
                    break
        finally:
            await asyncio.to_thread(cluster.lose_node, False)
        try:
            await task
        finally:
            print(again.text)  # shown where the test fails
    # A node that is silent for long takes no pods at first, which the log may say.
    assert [line for line in again.text.splitlines() if line and not line.startswith("Note: ")] == ["begun"]
    assert room.rootfs is not None and room.rootfs.upper is not None
    assert (room.rootfs.upper / "home/jovyan/done").read_text() == "over\n"
    assert await cluster.left() == []


async def test_the_doctor_tells_what_the_cluster_lets_us_do(cluster: Cluster) -> None:
    """All is well; a namespace that admits no root, an account without rights, a registry that nodes do not reach."""
    config = await asyncio.to_thread(cluster.config)

    async def facts(
        settings: PodSettings, images: RoomImages, place: Forbidden | None = None
    ) -> dict[str, list[tuple[bool, str]]]:
        found: dict[str, list[tuple[bool, str]]] = {}
        async with api.Api(admission.in_namespace(config, settings.namespace)) as client:
            async for fact in examined(client, settings, StepSettings().limits, images, place):
                found.setdefault(fact.about, []).append((fact.well, fact.says))
        return found

    chosen = PodSettings(wanted=True, address="hubkiln:8587", template={"resources": {"limits": {"cpu": "2"}}})
    unlimited = (await facts(replace(chosen, template={}), cluster.images()))["limits"]
    assert unlimited[0][0] is False and "10 GiB of disk, 45 min with its pull; no limit of CPU" in unlimited[0][1]
    well = await facts(chosen, cluster.images())
    assert all(fact[0] for about in well.values() for fact in about), well
    assert set(well) == {"kubernetes", "rights", "pod security", "limits", "registry", "nodes"}
    root = await facts(replace(chosen, root=True), cluster.images())
    assert "violates PodSecurity" in root["pod security"][1][1] and "nodes" not in root
    room = await cluster.images().pushed(cluster.room("in-reach"), "in-reach")
    for port, holds in ((int(cluster.registry.host.rpartition(":")[2]), False), (free_port(), True)):
        place = Forbidden(cluster.loopback, port, room.pulled)
        policies = (await facts(chosen, cluster.images(), place))["policies"]  # nothing enforces any here
        assert policies[0][0] is holds and ("enforces none" in policies[0][1]) is not holds, policies
    await cluster.images().remove(room)
    none = await facts(replace(chosen, namespace="jhub"), cluster.images())
    assert none["rights"][0][0] is False and "may not create pods, get pods" in none["rights"][0][1]
    assert await cluster.left() == []


async def test_a_limit_that_the_namespace_gives_is_one_of_steps(cluster: Cluster) -> None:
    """Of CPU, by a LimitRange: what is called enforced is what the API server would take a pod with."""
    item = {"type": "Container", "default": {"cpu": "3"}}
    document = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "some"}, "spec": {"limits": [item]}}
    kubectl = partial(cluster.server.kubectl, "-n", "steps")
    async with cluster.engine() as engine:
        assert not (await engine.probe()).cpu_enforced
        await asyncio.to_thread(kubectl, "create", "-f", "-", given=json.dumps(document))
        try:
            for _ in range(100):  # admission hears of it by a watch
                if found := (await engine.probe()).cpu_enforced:
                    break
                await asyncio.sleep(0.1)
            assert found
        finally:
            await asyncio.to_thread(kubectl, "delete", "limitrange", "some")


async def test_an_image_that_no_node_can_pull_is_said(cluster: Cluster) -> None:
    """In the build's log while the node tries, and at last as an admin's turn, with the node's words."""
    async with cluster.engine(f"127.0.0.1:{free_port()}", PodWaits(pull=2)) as engine:
        said = Said()
        with pytest.raises(ServiceError, match=r"cannot pull the image of a step: Back-off pulling.*pull_from"):
            await step(engine, cluster.room("unpulled"), "echo begun", said)
    assert re.search("Note: waiting for its pod: (Back-off pulling|failed to pull)", said.text)
    assert await cluster.left() == []
