"""Both charts as pods of a real node: a login becomes a JupyterLab; a service that dies in mid-build loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from embedded import ended, in_terminal, service
from installed_charts import AUTHORITIES, STEPS, Charts, charts, needs_z2jh
from kept import remove_behind
from kept_base import needs_base
from kubelet import NODE_ADDRESS, needs_node
from policies import LINK_LOCAL, OUTWARD, PUBLIC, answering, needs_policies
from sandbox_user import open_folder
from test_chart_installed import evict
from test_kubelet_hub import FILES

from git_server import make_repository
from hub_browser import Browser, alert, logged_in
from hubkiln.processes import free_port
from hubkiln.testing.docker_registry import installed
from postgresql import Server, throw_away_postgresql

asyncpg = pytest.importorskip("asyncpg")
pytestmark = [
    needs_node,
    needs_base,
    needs_z2jh,
    needs_policies,
    pytest.mark.slow,
    pytest.mark.hub,
    pytest.mark.registry,
    pytest.mark.network,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
]

WAITS = """#!/usr/bin/env python3
import time, urllib.request
print("waiting", flush=True)
while True:
    try:
        urllib.request.urlopen("{url}/go")
        break
    except OSError:
        time.sleep(0.2)
open("made.txt", "w").write("made")
"""

DATA = "HUBKILN_DATA_DIR"
TRIES = """#!/usr/bin/env python3
import socket
from concurrent.futures import ThreadPoolExecutor
def reached(place):
    try:
        socket.create_connection((place.rsplit(":", 1)[0], int(place.rsplit(":", 1)[1])), 8).close()
        return "reached"
    except OSError:
        return "not"
with ThreadPoolExecutor() as pool:
    places = {places}
    while {closed!r} and reached({closed!r}) == "reached":
        pass  # whoever enforces policies does not know this pod yet
    for place, how in zip(places, pool.map(reached, places)):
        print(how, place, flush=True)
"""


@pytest.fixture(scope="module")
def place(based: Path) -> Iterator[Charts]:
    """Both charts installed, ours first."""
    folder = open_folder()
    try:
        with charts(folder, based) as made:
            notes = made.install()
            assert "CreateContainerConfigError" in notes
            made.cluster.until(
                lambda: waits(made) == ("CreateContainerConfigError", 'secret "hub" not found'), "no wait"
            )
            made.join()
            made.ready("hub", "proxy", "hubkiln")
            yield made
    finally:
        remove_behind(folder)  # a node has a hundred thousand files


@pytest.fixture
async def ada(place: Charts) -> AsyncIterator[Browser]:
    """A user."""
    async with logged_in(place.url(), "ada") as browser:
        yield browser
        await browser.stop()


async def test_a_repository_becomes_a_server(place: Charts, ada: Browser) -> None:
    """
    Packages, packages of the system and a script, by the page's own requests; a notebook runs in the server.

    All in a namespace that enforces *restricted*, the users' pods too. Somebody else neither gets at that server nor
    starts what was built of a repository that is not everybody's.
    """
    make_repository(place.git.root / "waves.git", FILES)
    async with service(ada) as client:
        build, log = await followed(client, place.seen(place.git.url("waves.git")))
    assert build["phase"] == "ready", (build, log)
    assert "build ready" in place.cluster.kubectl("-n", "jhub", "logs", "deploy/hubkiln")
    await opened(place, ada, build["image"])
    said = await in_terminal(ada, "jupyter execute --inplace note.ipynb; grep -o 'ran /usr/bin/tree' note.ipynb")
    assert "\nran /usr/bin/tree" in said, said
    async with logged_in(place.url(), "bob") as bob:
        assert (await bob.client.get(f"{bob.hub}/user/ada/lab")).status_code == 403
        async with service(bob) as client:
            assert (await client.get(f"builds/{build['id']}")).status_code == 404
    assert place.cluster.get("-n", STEPS, "pods")["items"] == []


async def test_a_service_that_dies_in_mid_build_goes_on_with_it(place: Charts, ada: Browser) -> None:
    """Its pod is killed while a step runs: the next one finds the step's pod, and the build ends as if nothing were."""
    url = place.seen(place.git.url())
    make_repository(place.git.root / "slow.git", {"requirements.txt": "cowsay\n", "postBuild": WAITS.format(url=url)})
    place.git.failures["/go"] = 503
    async with service(ada) as client:
        made = (await client.post("builds", json={"spec": f"{url}/slow.git"})).json()
        await said(client, made["id"], "waiting")
        (step,) = [pod["metadata"]["uid"] for pod in place.cluster.get("-n", STEPS, "pods")["items"]]
        [before] = pods(place)
        place.kubectl("delete", "pod", before, "--grace-period=0", "--force")
        place.cluster.until(lambda: pods(place) not in ([], [before]), "no other pod")
        place.ready("hubkiln")
        assert [pod["metadata"]["uid"] for pod in place.cluster.get("-n", STEPS, "pods")["items"]] == [step]
        place.git.pages["/go"] = b"go"
        assert (build := await ended(client, made["id"]))["phase"] == "ready", build
    assert place.cluster.get("-n", STEPS, "pods")["items"] == []


async def test_a_step_reaches_what_its_policy_allows_and_no_more(place: Charts, ada: Browser) -> None:
    """
    Names, public addresses and the port that takes what it brings: not the hub, the API server, private addresses.

    Nor what is like a cloud's metadata; a trial not even what is public. All of it is there for who has no policy.
    """
    brings, open_to_all, api = "hubkiln.jhub:8587", "proxy-public.jhub:80", "kubernetes.default:443"
    with answering(place.cluster) as port:
        outward = [f"{address}:{port}" for address in OUTWARD]
        places = [brings, "hubkiln.jhub:80", "hub.jhub:8081", open_to_all, api, *outward]
        script = TRIES.format(places=places, closed=f"{LINK_LOCAL}:{port}")
        make_repository(place.git.root / "tries.git", {"requirements.txt": "cowsay\n", "postBuild": script})
        async with service(ada) as client:
            build, log = await followed(client, place.seen(place.git.url("tries.git")))
        trial = tried(place, script, {"app.kubernetes.io/managed-by": "hubkiln", "hubkiln.io/network": "none"})
        anybody = tried(place, TRIES.format(places=places, closed=""), {})
    assert build["phase"] == "ready", (build, log)
    assert reached(log) == {brings, f"{PUBLIC}:{port}"}, log
    assert reached(trial) == {brings}, trial
    assert reached(anybody) == {open_to_all, api, *outward}, anybody


def tried(place: Charts, script: str, labels: dict[str, str]) -> str:
    """What `script` prints in a pod that is labelled so, beside the steps'."""
    container = {"name": "tries", "image": place.images["service"], "command": ["python3", "-c", script]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    return printed(place, STEPS, {"metadata": {"name": "tries", "labels": labels}, "spec": spec})


BUILDS = """
set -e; mkdir /data/r; cd /data/r; echo cowsay > requirements.txt
printf '#!/bin/sh\npython3 -c "import cowsay"\nid -u > made.txt\n' > postBuild; chmod +x postBuild
hubkiln build . > /data/log 2>&1 || cat /data/log
echo "made by $(hubkiln run . cat made.txt 2> /dev/null)"
"""


def test_the_doctor_knows_where_a_pod_may_have_sandboxes(place: Charts) -> None:
    """
    It makes one: without the runtime's filter of system calls, as an ordinary user; else it names the filter.

    A whole `postBuild` runs in one there; with the filter, nothing is begun.
    """
    place.cluster.namespace("open", "privileged")
    place.cluster.kubectl("-n", "open", "create", "configmap", "authorities", f"--from-file={AUTHORITIES}")
    free, filtered = (
        ran(place, f"hubkiln doctor; {BUILDS}", {"type": kind}) for kind in ("Unconfined", "RuntimeDefault")
    )
    assert "sandbox: servers and builds run in bubblewrap" in free, free
    assert free.endswith("made by 1000\n"), free
    assert " bad  sandbox: " in filtered and "seccompProfile" in filtered, filtered
    assert "Nothing can be built on this machine" in filtered and filtered.endswith("made by \n"), filtered


def ran(place: Charts, script: str, seccomp: dict[str, str]) -> str:
    """What a shell's `script` prints in a pod of our image, an ordinary user's with this filter."""
    values = place.values()
    container = {
        "name": "box",
        "image": place.images["service"],
        "command": ["sh", "-c", script],
        "env": [{"name": name, "value": value} for name, value in (values["extraEnv"] | {DATA: "/data"}).items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, *values["extraVolumeMounts"]],
    }
    user = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "seccompProfile": seccomp}
    volumes = [{"name": "data", "emptyDir": {}}, *values["extraVolumes"]]
    spec = {"restartPolicy": "Never", "securityContext": user, "containers": [container], "volumes": volumes}
    return printed(place, "open", {"metadata": {"name": "box"}, "spec": spec})


def printed(place: Charts, namespace: str, pod: dict[str, Any]) -> str:
    """What a pod has printed when it has ended; then it is removed."""
    kubectl, name = partial(place.cluster.kubectl, "-n", namespace), pod["metadata"]["name"]
    kubectl("create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "Pod"} | pod))
    found = partial(place.cluster.get, "-n", namespace, "pod", name)
    place.cluster.until(lambda: found()["status"].get("phase") in ("Succeeded", "Failed"), "it does not end", 600)
    log: str = kubectl("logs", name)
    kubectl("delete", "pod", name, "--grace-period=1")
    return log


def reached(log: str) -> set[str]:
    """The places that were."""
    return {line.removeprefix("reached ") for line in log.splitlines() if line.startswith("reached ")}


def test_what_the_documentation_tells_to_try(place: Charts) -> None:
    """`helm test` passes, and the doctor finds everything well from within the service's pod."""
    assert "Succeeded" in place.helm("test", "hubkiln")
    told = place.kubectl("exec", "deploy/hubkiln", "--", "hubkiln", "doctor", "--cluster")
    print(told)
    for about in ("steps", "address", "kubernetes", "rights", "pod security", "registry", "nodes", "policies"):
        assert f"  ok  {about}: " in told, told


async def test_one_of_two_replicas_dies_in_mid_build(place: Charts) -> None:
    """On one PostgreSQL: another takes the build, finds the pod of its step and goes on with it, and leaves nothing."""
    url = place.seen(place.git.url())
    make_repository(place.git.root / "two.git", {"requirements.txt": "cowsay\n", "postBuild": WAITS.format(url=url)})
    place.git.pages.pop("/go", None)
    place.git.failures["/go"] = 503
    with throw_away_postgresql(port=free_port()) as database:
        address = place.seen(database.address)
        place.kubectl("create", "secret", "generic", "hubkiln-database", f"--from-literal=address={address}")
        named = {"existingSecret": "hubkiln-database", "key": "address", "port": database.port}
        place.install(replicas=2, database=named)
        place.ready("hubkiln")
        async with logged_in(place.url(), "ada") as anew, service(anew) as client:
            made = (await client.post("builds", json={"spec": f"{url}/two.git"})).json()
            await said(client, made["id"], "waiting")
            (step,) = [pod["metadata"]["uid"] for pod in place.cluster.get("-n", STEPS, "pods")["items"]]
            pod, pid = await at_work(place, database, made["id"])
            place.kubectl("exec", pod, "--", "sh", "-c", f"kill -9 {pid}")  # told to stop, it would give the build back
            await said(client, made["id"], "another begins anew")
            assert [pod["metadata"]["uid"] for pod in place.cluster.get("-n", STEPS, "pods")["items"]] == [step]
            place.git.pages["/go"] = b"go"
            assert (build := await ended(client, made["id"]))["phase"] == "ready", build
        assert place.cluster.get("-n", STEPS, "pods")["items"] == []
        drained(place)
        place.install()
        place.ready("hubkiln")


def drained(place: Charts) -> None:
    """One of two replicas may go; the other only when there is a third that is ready, by the kubelet's probes."""
    budget = partial(place.cluster.get, "-n", "jhub", "pdb", "hubkiln")
    place.ready("hubkiln")
    place.cluster.until(lambda: budget()["status"].get("disruptionsAllowed") == 1, "none may go")
    first, second = pods(place)
    evict(place.cluster, first)
    assert "violate the pod's disruption budget" in evict(place.cluster, second, fails=True)
    place.ready("hubkiln")
    place.cluster.until(lambda: budget()["status"].get("disruptionsAllowed") == 1, "the other may not go")
    evict(place.cluster, second)
    place.ready("hubkiln")


async def at_work(place: Charts, database: Server, id: str) -> tuple[str, int]:
    """The pod that builds, and its process there: the database knows both, the pod by its namespace of processes."""
    connection = await asyncpg.connect(database.address)
    asked = "select place, pid from workers join builds on workers.id = builds.worker where builds.id = $1"
    try:
        row = await connection.fetchrow(asked, id)
    finally:
        await connection.close()
    words = ("--", "stat", "-Lc", "%i", "/proc/self/ns/pid")
    (pod,) = (one for one in pods(place) if row["place"].endswith(f"/{place.kubectl('exec', one, *words).strip()}"))
    return pod, row["pid"]


async def test_a_registry_of_the_chart(place: Charts) -> None:
    """
    In place of ours: nodes pull what was pushed to a Service from their own localhost, by the login that was made.

    A step's image too, and the server's; whoever has no login gets nothing at the port of the node.
    """
    given = {"image": place.images["registry"], "size": "10Gi", "storageClassName": "here"}
    assert "no node could pull" in place.install(registry={"internal": {"enabled": True, **given}}, fails=True)
    place.install(registry={"internal": {"enabled": True, "nodeTrust": "localhost", **given}})
    place.join()
    place.ready("hub", "proxy", "hubkiln", "hubkiln-registry")
    make_repository(place.git.root / "own.git", {"requirements.txt": "cowsay\n", "postBuild": "#!/bin/sh\nid\n"})
    async with logged_in(place.url(), "ada") as anew, service(anew) as client:
        assert (await anew.client.get(f"http://{NODE_ADDRESS}:30500/v2/")).status_code == 401
        build, log = await followed(client, place.seen(place.git.url("own.git")))
        assert build["phase"] == "ready", (build, log)
        assert build["image"].startswith("localhost:30500/env-own"), build
        await opened(place, anew, build["image"])
        await anew.stop()
    told = place.kubectl("exec", "deploy/hubkiln", "--", "hubkiln", "doctor", "--cluster")
    assert "  ok  nodes: a node has pulled localhost:30500/env-steps-work" in told, told


async def opened(place: Charts, browser: Browser, image: str) -> None:
    """Start a server of `image` by the page's form; its JupyterLab answers."""
    option = "profile-option-any--image"
    fields = {"profile": "any", option: "--extra-selectable-item", f"{option}--unlisted-choice": image}
    assert not alert(await browser.start(**fields))
    told = (await browser.progress())[-1]
    assert told.get("ready"), (told, place.seen_pods())
    assert (await browser.client.get(f"{browser.hub}/user/{browser.name}/lab")).status_code == 200


def waits(place: Charts) -> tuple[str, str]:
    """Why the service's container does not start yet."""
    found = place.cluster.get("-n", "jhub", "pods", "-l", "app.kubernetes.io/component=service")["items"]
    [container] = [one for pod in found for one in pod["status"].get("containerStatuses", ())] or [{}]
    waiting = container.get("state", {}).get("waiting", {})
    return waiting.get("reason", ""), waiting.get("message", "")


def pods(place: Charts) -> list[str]:
    """Names of the service's pods that are not ending."""
    found = place.cluster.get("-n", "jhub", "pods", "-l", "app.kubernetes.io/component=service")["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


async def followed(client: httpx.AsyncClient, spec: str) -> tuple[dict[str, Any], str]:
    """The build of `spec` when it has ended, and its log."""
    made = await client.post("builds", json={"spec": spec})
    assert made.status_code in (200, 201), made.text
    told = await events(client, made.json()["id"])
    return told[-1]["build"], "".join(str(one.get("text", "")) for one in told)


async def events(client: httpx.AsyncClient, id: str, until: str = "") -> list[dict[str, Any]]:
    """What is told of a build, to its end or until the text `until`."""
    told: list[dict[str, Any]] = []
    async with client.stream("GET", f"builds/{id}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                told.append(json.loads(line.removeprefix("data:")))
                if until and until in str(told[-1].get("text", "")):
                    break
    return told


async def said(client: httpx.AsyncClient, id: str, text: str) -> None:
    """Return when the log says `text`, whichever replica tells; one that dies tells no more."""
    async with asyncio.timeout(300):
        while True:
            with suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(60):
                    if any(text in str(one.get("text", "")) for one in await events(client, id, text)):
                        return
            await asyncio.sleep(0.5)
