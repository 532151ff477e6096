"""Our chart and a real API server: installed, upgraded, rolled back, as Kubernetes itself sees it."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubelet import PROGRAM as WHOLE

from api_server import ApiServer, needs_api_server
from helm import CHART, EXAMPLES, LEAST, found, needs_helm, rendered

pytestmark = [needs_api_server, needs_helm, pytest.mark.slow, pytest.mark.timeout(600)]

LOGINS = CHART / "ci/logins-values.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Kubernetes, with a namespace that takes only restricted pods."""
    with ApiServer(tmp_path_factory.mktemp("api")) as running:
        for name in ("jhub", "hubkiln-steps"):
            running.namespace(name, "restricted")
        running.kubectl("create", "priorityclass", "core", "--value=1000")
        yield running


def helm(server: ApiServer, *words: object) -> str:
    """What Helm prints; it must succeed."""
    argv = [str(found()), "--kubeconfig", str(server.kubeconfig), "--namespace", "jhub", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pods that would be made of `objects`."""
    for one in objects:
        if one["kind"] == "Deployment":
            name = {"generateName": "hubkiln-", "labels": one["spec"]["template"]["metadata"]["labels"]}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": one["spec"]["template"]["spec"]}
        elif one["kind"] == "Pod":
            yield one


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem.removesuffix("-values"))
def test_pod_security_and_every_check_of_kubernetes_pass(server: ApiServer, values: Path) -> None:
    """The API server itself takes each object, and pods in a namespace that enforces *restricted*."""
    objects = [one for one in rendered("--values", values) if "monitoring" not in one["apiVersion"]]
    kept = [one for one in objects if one["kind"] != "Pod"]
    for namespace in {namespace_of(one) for one in kept}:
        own = [one for one in kept if namespace_of(one) == namespace]
        server.kubectl("-n", namespace, "apply", "--dry-run=server", "-f", "-", given=yaml.dump_all(own))
    if not values.stem.startswith("trial"):
        server.kubectl("-n", "jhub", "delete", "serviceaccount", "hubkiln", "builds", "--ignore-not-found")
        account = next(one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount")
        server.kubectl("-n", "jhub", "create", "serviceaccount", account)
    for pod in pods(objects):
        done = server.kubectl("-n", "jhub", "create", "--dry-run=server", "-f", "-", given=json.dumps(pod))
        assert "created (server dry run)" in done
    server.kubectl("-n", "jhub", "delete", "serviceaccount", "hubkiln", "builds", "--ignore-not-found")


def test_it_is_installed_upgraded_and_rolled_back(server: ApiServer) -> None:
    """A token that it made stays the same; what a roll-back brings is what was there; no right is ever given."""
    helm(server, "install", "hubkiln", CHART, "-f", LEAST, "--set", "token.create=true")
    first = token(server)
    notes = helm(
        server, "upgrade", "hubkiln", CHART, "-f", LOGINS, "--set", "token.create=true,resources.limits.memory=8Gi"
    )
    assert "get configmap hubkiln-z2jh-values" in notes and token(server) == first
    assert memory(server) == "8Gi" and server.get("-n", "jhub", "secret", "hubkiln-registry")
    assert hub_part(server)["hub"]["initContainers"][0]["image"] == "quay.io/org/hubkiln:0.1.0"
    helm(server, "rollback", "hubkiln", 1)
    assert memory(server) == "4Gi" and token(server) == first
    server.kubectl("-n", "jhub", "get", "secret", "hubkiln-registry", fails=True)
    account = "system:serviceaccount:jhub:hubkiln"
    for may in (("get", "secrets"), ("create", "pods"), ("list", "pods"), ("get", "configmaps")):
        assert "no" in server.kubectl("-n", "jhub", "auth", "can-i", *may, f"--as={account}", fails=None)
    helm(server, "uninstall", "hubkiln")
    assert token(server) == first and server.get("-n", "jhub", "pvc", "hubkiln")  # what cannot be made again stays


def test_where_steps_are_pods_the_service_may_make_those_and_no_more(server: ApiServer) -> None:
    """In their namespace alone; never what leads further: Secrets, exec, rights."""
    server.namespace("steps", "restricted")
    values = ("-f", CHART / "ci/steps-values.yaml", "--set", "token.create=true,builds.namespace=steps")
    helm(server, "install", "hubkiln", CHART, *values)
    account = "--as=system:serviceaccount:jhub:hubkiln"
    may = [("create", "pods"), ("watch", "pods"), ("delete", "pods"), ("get", "pods", "--subresource=log")]
    may_not = [
        ("create", "pods", "--subresource=exec"),
        ("get", "secrets"),
        ("create", "rolebindings"),
        ("get", "configmaps"),
    ]
    for words in may:
        end = time.monotonic() + 60  # the server hears of a new right a moment after it was given
        while "yes" not in server.kubectl("-n", "steps", "auth", "can-i", *words, account, fails=None):
            assert time.monotonic() < end, words
    for words in [*may_not, ("update", "pods"), ("update", "pods", "--subresource=ephemeralcontainers")]:
        assert "no" in server.kubectl("-n", "steps", "auth", "can-i", *words, account, fails=None), words
    assert "no" in server.kubectl("-n", "jhub", "auth", "can-i", "create", "pods", account, fails=None)
    helm(server, "uninstall", "hubkiln")
    assert server.get("-n", "steps", "roles")["items"] == []


@pytest.mark.skipif(not WHOLE.exists(), reason="Kubernetes' controllers: `make test-cluster` builds them")
def test_a_drain_takes_one_replica_at_a_time_and_is_never_held_up(server: ApiServer) -> None:
    """Another must be ready before the next goes; what is not ready, and a replica that is alone, go at once."""
    values = ("-f", LEAST, "--set", "token.create=true,database.existingSecret=database")
    with controllers(server):
        helm(server, "install", "drained", CHART, *values, "--set", "replicas=2,fullnameOverride=drained")
        for _ in range(2):
            first, second = running(server, 2, ready=True)
            evict(server, first)
            assert "violate the pod's disruption budget" in evict(server, second, fails=True)
        for name in running(server, 2, ready=False):
            evict(server, name)
        helm(server, "upgrade", "drained", CHART, *values, "--set", "replicas=1,fullnameOverride=drained")
        (alone,) = running(server, 1, ready=True)
        evict(server, alone)
        helm(server, "uninstall", "drained")


@contextmanager
def controllers(server: ApiServer) -> Iterator[None]:
    """Those of Kubernetes that make pods of a Deployment, and that know how many may go."""
    argv = [WHOLE, "controllers", f"--kubeconfig={server.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
    argv += ["--controllers=deployment-controller,replicaset-controller,disruption-controller"]
    with (server.folder / "controllers.log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=server.folder)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def running(server: ApiServer, count: int, *, ready: bool) -> list[str]:
    """As many pods, told to run as a kubelet tells it; the budget, if there is one, has heard of each."""
    conditions = [{"type": "Ready", "status": str(ready)}]
    patch = (
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": _RUNNING | {"conditions": conditions}}),
    )
    until = time.monotonic() + 100
    while True:
        found = server.get("-n", "jhub", "pods", "-l", "app.kubernetes.io/instance=drained")["items"]
        names = [one["metadata"]["name"] for one in found]
        for name in names:
            server.kubectl("-n", "jhub", "patch", "pod", name, *patch, fails=None)
        told = [one["status"] for one in server.get("-n", "jhub", "poddisruptionbudgets")["items"]]
        heard = {(one["expectedPods"], one["currentHealthy"]) for one in told} <= {(count, count if ready else 0)}
        if len(names) == count and heard:
            return names
        assert time.monotonic() < until, (names, told, (server.folder / "controllers.log").read_text()[-3000:])


_RUNNING = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}


def evict(server: ApiServer, name: str, *, fails: bool = False) -> str:
    """As `kubectl drain` does; why it is refused."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "jhub"}}
    path = f"/api/v1/namespaces/jhub/pods/{name}/eviction"
    return server.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction), fails=fails)


def namespace_of(one: dict[str, Any]) -> str:
    """Where it goes."""
    namespace: str = one["metadata"].get("namespace", "jhub")
    return namespace


def token(server: ApiServer) -> bytes:
    """The one in the Secret."""
    return base64.b64decode(server.get("-n", "jhub", "secret", "hubkiln-token")["data"]["token"])


def memory(server: ApiServer) -> str:
    """The limit of the service's container."""
    pod = server.get("-n", "jhub", "deployment", "hubkiln")["spec"]["template"]["spec"]
    limit: str = pod["containers"][0]["resources"]["limits"]["memory"]
    return limit


def hub_part(server: ApiServer) -> dict[str, Any]:
    """As the notes say to get it."""
    words = ("-n", "jhub", "get", "configmap", "hubkiln-z2jh-values", "-o", r"jsonpath={.data.values\.yaml}")
    values: dict[str, Any] = yaml.safe_load(server.kubectl(*words))
    return values
