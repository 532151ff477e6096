"""Steps and servers as pods of a real node of one machine, beside sandboxes; builds that wait for two replicas.

``cluster.py step``     one step in a sandbox and in a pod, in turn
``cluster.py journey``  a repository to an answering JupyterLab: by a hub with KubeSpawner, and by ``hubkiln launch``
``cluster.py grow``     memory and processor time of one replica while 1, 2, 4, 8 builds run at once, each with a step
``cluster.py queue``    200 builds of packages alone that wait for two replicas on one PostgreSQL, without a node,
                       each followed by a stream of its events

As root, where ``make test-cluster`` has built what it needs. *Core-seconds* are of everything that ran: ours, and the
node with its API server, its kubelet and its pods.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("integration", "security", "")]

from journey import REQUIREMENTS, machine, ours, repository  # noqa: E402
from kept_base import give_base  # noqa: E402
from kubelet import GROUP, LOOPBACK, Kubernetes  # noqa: E402
from newcomer import Service, serving  # noqa: E402
from test_kubelet_hub import Place, built, hub_on_node  # noqa: E402
from test_step_pods import kubelet, step, steps_on  # noqa: E402

from git_server import GitServer, make_repository  # noqa: E402
from hub_browser import alert, logged_in  # noqa: E402
from hubkiln.processes import free_port  # noqa: E402
from hubkiln.testing.docker_registry import DockerRegistry  # noqa: E402
from postgresql import throw_away_postgresql  # noqa: E402

CPU = Path("/sys/fs/cgroup/cpuacct")
FILES = 2000
WRITES = f"""python3 -I -S -c 'for n in range({FILES}): open(f"/home/jovyan/{{n}}", "wb").write(bytes(4096))'"""
SCRIPTS = {"`true`": "true", f"{FILES:,} files of 4 KB": WRITES}
PLAIN = {"requirements.txt": "six\n", "README.md": "# NUMBER\n"}
STEP = {"requirements.txt": "six\n", "postBuild": "#!/bin/sh\necho NUMBER >made.txt\n"}


@dataclass(frozen=True)
class Cost:
    """What something took."""

    seconds: float
    core_seconds: float


@contextmanager
def counted() -> Iterator[Callable[[], float]]:
    """What says how many core-seconds were used so far by us, all that we start, and the node's pods."""
    ours = CPU / f"hubkiln-bench-{os.getpid()}"
    ours.mkdir()
    (ours / "cgroup.procs").write_text(str(os.getpid()))

    def used() -> float:
        groups = [group / "cpuacct.usage" for group in (ours, CPU / GROUP)]
        return sum(int(path.read_text()) for path in groups if path.exists()) / 1e9

    try:
        yield used
    finally:
        (CPU / "cgroup.procs").write_text(str(os.getpid()))


async def timed(used: Callable[[], float], act: Callable[[], Awaitable[object]]) -> Cost:
    """What `act` took."""
    seconds, core = time.monotonic(), used()
    await act()
    return Cost(time.monotonic() - seconds, used() - core)


def shown(name: str, costs: list[Cost]) -> str:
    """A row: medians, and each round."""
    rounds = ", ".join(f"{cost.seconds:.2f} s/{cost.core_seconds:.2f}" for cost in costs)
    seconds, core = (statistics.median(vars(cost)[what] for cost in costs) for what in ("seconds", "core_seconds"))
    return f"| {name} | {seconds:.2f} s | {core:.2f} | {rounds} |"


TABLE = "| | seconds | core-seconds | rounds |\n|---|---|---|---|"


async def steps(rounds: int, used: Callable[[], float]) -> None:
    """The same room and command in both, in turn; the first of each is not counted."""
    found: dict[str, list[Cost]] = {}
    with steps_on(kubelet) as cluster:
        async with cluster.engine() as pods:
            for turn in range(rounds + 1):
                for what, script in SCRIPTS.items():
                    for where, engine in (("sandbox", cluster.sandbox), ("pod", pods)):
                        room = cluster.room(f"{where}-{turn}-{len(what)}")
                        cost = await timed(used, lambda: step(engine, room, script))  # noqa: B023
                        assert room.rootfs is not None and room.rootfs.upper is not None
                        assert script == "true" or len(list(room.rootfs.upper.glob("home/jovyan/*"))) == FILES
                        if turn:
                            found.setdefault(f"{what}, in a {where}", []).append(cost)
    print(TABLE, *(shown(*one) for one in found.items()), sep="\n")


@asynccontextmanager
async def in_thread(made: AbstractContextManager[Place]) -> AsyncIterator[Place]:
    """What runs an event loop of its own while it begins."""
    place = await asyncio.to_thread(made.__enter__)
    try:
        yield place
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


async def journeys(rounds: int, used: Callable[[], float]) -> None:
    """In each round both begin with nothing but the base image and the Jupyter stack's absence."""
    found: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="journey-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            first, second = (repository(folder, one) for one in ("first", "second"))
            for what, repo in (("cold", first), ("warm", first), ("same packages", second)):
                cost = await timed(used, lambda: asyncio.to_thread(ours, repo, folder / "data"))  # noqa: B023
                found.setdefault(f"{what}, on this machine", []).append(cost)
            data = folder / "service"
            data.mkdir()
            give_base(data)
            async with in_thread(hub_on_node(data)) as place:
                files = {"requirements.txt": REQUIREMENTS}
                make_repository(place.git.root / "first.git", files | {"README.md": "# first\n"})
                make_repository(place.git.root / "second.git", files | {"README.md": "# second\n"})
                async with logged_in(place.hub, "ada") as ada:
                    for what, repo in (("cold", "first"), ("warm", "first"), ("same packages", "second")):

                        async def go(repo: str = repo) -> None:
                            image, _ = await built(ada, place.git.url(f"{repo}.git"))
                            option = "profile-option-any--image"
                            fields = {"profile": "any", option: "--extra-selectable-item"}
                            assert not alert(await ada.start(**fields, **{f"{option}--unlisted-choice": image}))
                            assert (await ada.progress())[-1].get("ready")
                            assert (await ada.client.get(f"{place.hub}/user/ada/lab")).status_code == 200

                        found.setdefault(f"{what}, on the node", []).append(await timed(used, go))
                        await ada.stop()
    print(TABLE, *(shown(*one) for one in found.items()), sep="\n")


@contextmanager
def services(folder: Path, count: int, *options: str, node: bool) -> Iterator[list[Service]]:
    """`count` replicas with data folders of their own that have the base image; on a `node`, steps are pods of it."""
    (folder / "cluster").mkdir(parents=True)
    with ExitStack() as stack:
        registry = stack.enter_context(DockerRegistry(folder / "registry"))
        os.environ["HUBKILN_PUSH"] = f"{registry.host}/env-{{name}}"
        if node:
            cluster = stack.enter_context(Kubernetes(folder / "cluster"))
            cluster.namespace("steps", "restricted")
            seen = registry.host.replace("127.0.0.1", LOOPBACK)
            cluster.trust(seen)
            os.environ |= {
                "KUBECONFIG": str(cluster.kubeconfig),
                "HUBKILN_PULL_FROM": f"{seen}/env-{{name}}",
                "HUBKILN_STEPS_IN": "pods",
                "HUBKILN_PODS_NAMESPACE": "steps",
            }
        made = []
        for number in range(count):
            data, port = folder / f"data-{number}", free_port()
            data.mkdir()
            give_base(data)
            os.environ |= {"HUBKILN_PODS_PORT": str(port), "HUBKILN_PODS_ADDRESS": f"{LOOPBACK}:{port}"}
            made.append(stack.enter_context(serving(data, *options)))
        yield made


def peak(service: Service) -> float:
    """The most memory that the process has had, in MiB."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def processor(service: Service) -> float:
    """Core-seconds of the process and of those that it has ended."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def repositories(git: GitServer, count: int, files_of_all: dict[str, str]) -> list[str]:
    """Addresses of repositories that differ in a number."""
    for number in range(count):
        files = {name: text.replace("NUMBER", str(number)) for name, text in files_of_all.items()}
        make_repository(git.root / f"small-{number}.git", files)
    return [git.url(f"small-{number}.git") for number in range(count)]


async def all_built(asked: list[tuple[Service, str]]) -> list[tuple[float, dict[str, Any]]]:
    """Every record when its stream of events has ended, and how long after the first was asked for."""
    begun, few = time.monotonic(), asyncio.Semaphore(4)
    patient = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None), trust_env=False, verify=False)

    async def one(service: Service, spec: str) -> tuple[float, dict[str, Any]]:
        async with few:
            id = (await asyncio.to_thread(service.order, spec)).json()["id"]
        answer = await patient.get(f"{service.url}api/builds/{id}/events", headers=service.login)
        assert answer.status_code == 200, answer.text
        return time.monotonic() - begun, service.end_in(answer.text)

    async with patient:
        return await asyncio.gather(*(one(*it) for it in asked))


async def grows(builds: int, used: Callable[[], float]) -> None:
    """`builds` for each number at once, by a service of its own; the first build brings the packages, uncounted."""
    print("| builds at once | seconds | core-seconds a build, of all | of the service | its memory at most |")
    print("|---|---|---|---|---|")
    for at_once in (1, 2, 4, 8):
        with tempfile.TemporaryDirectory(prefix="grow-") as name, GitServer(Path(name) / "git") as git:
            Path(name).chmod(0o755)
            os.environ["HUBKILN_BUILDS_AT_ONCE"] = str(at_once)
            first, *specs = repositories(git, builds + 1, STEP)
            with services(Path(name) / "all", 1, node=True) as (service,):
                assert (record := service.built(first))["phase"] == "ready", record
                before = processor(service)
                told: list[tuple[float, dict[str, Any]]] = []

                async def go() -> None:
                    told.extend(await all_built([(service, spec) for spec in specs]))  # noqa: B023

                cost = await timed(used, go)
                wrong = [record for _, record in told if record["phase"] != "ready"]
                assert not wrong, wrong
                mine = (processor(service) - before) / builds
                each = cost.core_seconds / builds
                print(
                    f"| {at_once} | {cost.seconds:.0f} | {each:.1f} | {mine:.1f} | {peak(service):.0f} MiB |",
                    flush=True,
                )


async def queues(builds: int, used: Callable[[], float]) -> None:
    """All asked for at once, half of each replica; what one knows the other asks the registry for."""
    with (
        tempfile.TemporaryDirectory(prefix="queue-") as name,
        GitServer(Path(name) / "git") as git,
        throw_away_postgresql() as database,
    ):
        Path(name).chmod(0o755)
        specs = repositories(git, builds, PLAIN)
        with services(Path(name) / "all", 2, "--database", database.address, node=False) as replicas:
            told: list[tuple[float, dict[str, Any]]] = []

            async def go() -> None:
                told.extend(await all_built([(replicas[n % 2], spec) for n, spec in enumerate(specs)]))

            cost = await timed(used, go)
            ends = sorted(seconds for seconds, _ in told)
            phases = [str(record["phase"]) for _, record in told]
            rows = {
                "builds, ended as": f"{len(told)}, " + ", ".join(f"{p} {phases.count(p)}" for p in sorted(set(phases))),
                "seconds to the first, half, all": f"{ends[0]:.0f}, {ends[len(ends) // 2]:.0f}, {ends[-1]:.0f}",
                "core-seconds a build": f"{cost.core_seconds / builds:.1f}",
                "of each replica, in all": ", ".join(f"{processor(one):.0f}" for one in replicas),
                "memory of each at most": ", ".join(f"{peak(one):.0f} MiB" for one in replicas),
            }
            print("| | |\n|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), sep="\n")


def main() -> None:
    """One of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("step", "journey", "grow", "queue"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--builds", type=int)
    given = parser.parse_args()
    with counted() as used:
        begun = os.getloadavg()[0]
        if given.what in ("step", "journey"):
            asyncio.run((steps if given.what == "step" else journeys)(given.rounds, used))
        else:
            grow = given.what == "grow"
            asyncio.run((grows if grow else queues)(given.builds or (16 if grow else 200), used))
        print(f"\n{machine()}, load {begun:.1f} before and {os.getloadavg()[0]:.1f} after.")


if __name__ == "__main__":
    main()
