"""Our chart and zero-to-jupyterhub's as pods of a real node, installed by the commands of docs/how-to/kubernetes.md."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kept_base import give_base
from kubelet import HOST_ADDRESS, LOOPBACK, NODE, Kubernetes
from policies import enforce

from git_server import GitServer
from helm import CHART, found
from hubkiln.testing.docker_registry import DockerRegistry

ROOT = Path(__file__).parents[2]
PARTS = Path(__file__).parent / "hub_parts"
BROUGHT = {"z2jh": PARTS / "z2jh_image", "registry": PARTS / "registry_image"}
"""Images that are pulled elsewhere: zero-to-jupyterhub's hub and proxy, and Debian's registry, made by ourselves."""
Z2JH = Path(os.environ.get("HUBKILN_Z2JH", ""))
"""The folder `jupyterhub` of a checkout of zero-to-jupyterhub-k8s."""
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
STEPS = "hubkiln-steps"
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What zero-to-jupyterhub leaves out of users' pods, and a namespace that enforces *restricted* asks for."""

needs_z2jh = pytest.mark.skipif(
    not (Z2JH / "Chart.yaml").exists(), reason="HUBKILN_Z2JH names no chart of zero-to-jupyterhub"
)


@dataclass
class Charts:
    """Both charts on a cluster; `registry` is this machine's, `git` too, and the node knows them as `LOOPBACK`."""

    folder: Path
    cluster: Kubernetes
    registry: DockerRegistry
    git: GitServer
    images: dict[str, str] = field(default_factory=dict)

    def seen(self, address: str) -> str:
        """An address of this machine as nodes and pods see it."""
        return address.replace("127.0.0.1", LOOPBACK)

    def helm(self, *words: object, fails: bool = False) -> str:
        """What Helm prints."""
        argv = [str(found()), "--kubeconfig", str(self.cluster.kubeconfig), "--namespace", "jhub", *map(str, words)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr + self.seen_pods()
        return done.stdout + done.stderr

    def kubectl(self, *words: object, given: str | None = None) -> str:
        """In the namespace of the hub."""
        return self.cluster.kubectl("-n", "jhub", *words, given=given)

    def seen_pods(self) -> str:
        """Why they are not what they should be."""
        return self.kubectl("describe", "pods") + self.kubectl("get", "events")

    def make_images(self, data: Path) -> None:
        """Ours by `make images`, others' by `hubkiln build` of packages of PyPI, npm and Debian; all pushed."""
        give_base(self.folder / "images")
        argv = [sys.executable, ROOT / "images/make.py", "--base", "base:bookworm", "--output", self.folder / "images"]
        said = _run(*argv, "--push", f"{self.registry.host}/").splitlines()
        self.images |= dict(zip(("base", "service"), map(self.seen, said[-2:]), strict=True))
        for name, folder in BROUGHT.items():
            argv = [sys.executable, "-m", "hubkiln", "build", folder, "--data-dir", data]
            _run(*argv, "--push", f"{self.registry.host}/{name}:1", HUBKILN_STEP_NETWORK="all")
            self.images[name] = self.seen(f"{self.registry.host}/{name}:1")

    def install(self, *, fails: bool = False, **chosen: Any) -> str:
        """Our chart; `chosen` are values of it. What Helm's notes say, or why it refuses."""
        (self.folder / "ours.yaml").write_text(yaml.safe_dump(self.values() | chosen))
        return self.helm("upgrade", "--install", "hubkiln", CHART, "-f", self.folder / "ours.yaml", fails=fails)

    def values(self) -> dict[str, Any]:
        """Of ours: what the documentation has, and what this machine makes necessary."""
        registry = self.seen(self.registry.host)
        here, api = {"to": [_block(LOOPBACK)]}, [_block(HOST_ADDRESS)]
        return {
            "images": {"service": self.images["service"], "base": self.images["base"]},
            "registry": {"push": f"{registry}/env-{{name}}"},
            "builds": {"mode": "pods", "namespace": STEPS, "root": True, "egress": [here], "apiServer": api},
            "networkPolicy": {"dns": api},
            "config": {"plain_http": [registry], "allow_networks": [f"{LOOPBACK}/32"], "gc_keep_bytes": "8G"},
            "persistence": {"size": "10Gi", "storageClassName": "here"},
            # Behind a proxy of its own authority, as many clusters are.
            "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
            "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True}],
            "extraEnv": {"SSL_CERT_FILE": f"/etc/authorities/{AUTHORITIES.name}"},
        }

    def join(self) -> None:
        """zero-to-jupyterhub's chart with the values that ours has ready."""
        words = ("get", "configmap", "hubkiln-z2jh-values", "-o", r"jsonpath={.data.values\.yaml}")
        (self.folder / "hubkiln.yaml").write_text(self.kubectl(*words))
        (self.folder / "theirs.yaml").write_text(yaml.safe_dump(self.theirs()))
        files = ("-f", self.folder / "hubkiln.yaml", "-f", self.folder / "theirs.yaml")
        self.helm("upgrade", "--install", "hub", Z2JH, *files)

    def theirs(self) -> dict[str, Any]:
        """An admin's own values: images that this machine has, and no more than it needs."""
        name, _, tag = self.images["z2jh"].rpartition(":")
        image = {"name": name, "tag": tag}
        small = {"requests": {"cpu": "50m", "memory": "128Mi"}}
        environment = {
            "display_name": "Environment",
            "choices": {"tiny": {"display_name": "Tiny", "kubespawner_override": {"image": f"{name}:{tag}"}}},
            "unlisted_choice": {"enabled": True, "validation_regex": "nothing"},
            "dynamic_image_building": {"enabled": True},
        }
        return {
            "hub": {
                "image": image,
                "command": ["sh", "-c", 'cd /srv/jupyterhub && exec "$@"', "--"],
                "db": {"pvc": {"storageClassName": "here"}},
                "config": {
                    "Authenticator": {"allow_all": True},
                    "KubeSpawner": {"container_security_context": RESTRICTED},
                },
                "resources": small,
            },
            "proxy": {"service": {"type": "ClusterIP"}, "chp": {"image": image, "resources": small}},
            "singleuser": {
                "storage": {"type": "none"},
                "cloudMetadata": {"blockWithIptables": False},
                "cpu": {"guarantee": 0.05},
                "memory": {"guarantee": "256M", "limit": "1G"},
                "profileList": [{"slug": "any", "display_name": "Any", "profile_options": {"image": environment}}],
            },
            "scheduling": {"userScheduler": {"enabled": False}},
            "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        }

    def ready(self, *names: str, seconds: float = 240) -> None:
        """Wait until these deployments are, by their own probes, and the proxy leads to the service."""

        def are() -> bool:
            items = self.cluster.get("-n", "jhub", "deployments")["items"]
            found = {one["metadata"]["name"]: one for one in items}
            return all(_rolled_out(found[name]) for name in names)

        try:
            self.cluster.until(are, "not ready", seconds)
            self.cluster.until(self._is_reached, "the proxy does not lead to the service", seconds)
        except AssertionError as error:
            raise AssertionError(self.seen_pods()) from error

    def _is_reached(self) -> bool:
        """A proxy that is new knows the service when the hub has looked at it, once a minute."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url()}/services/binder/health", trust_env=False).status_code == 200
        return False

    def url(self) -> str:
        """Where people find the hub."""
        return f"http://{self.cluster.get('-n', 'jhub', 'service', 'proxy-public')['spec']['clusterIP']}"


@contextmanager
def charts(folder: Path, data: Path) -> Iterator[Charts]:
    """A cluster that holds to policies, with namespaces as the documentation has them, volumes, and all images."""
    (folder / "cluster").mkdir()
    with (
        DockerRegistry(folder / "registry") as registry,
        GitServer(folder / "git") as git,
        Kubernetes(folder / "cluster") as cluster,
    ):
        made = Charts(folder, cluster, registry, git)
        enforce(cluster)
        cluster.trust(made.seen(registry.host))
        made.make_images(data)
        cluster.namespace("jhub", "restricted")
        cluster.namespace(STEPS, "baseline")
        made.kubectl("create", "configmap", "authorities", f"--from-file={AUTHORITIES}")
        volumes = [_volume(folder / f"volumes/{name}", name) for name in ("one", "two", "three")]
        cluster.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(volumes))
        yield made


def _rolled_out(deployment: dict[str, Any]) -> bool:
    """Whether all its pods are of its newest description and ready."""
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    counts = (status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas"))
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and set(counts) == {wanted}


def _block(address: str) -> dict[str, Any]:
    """One address, as a peer of a network policy."""
    return {"ipBlock": {"cidr": f"{address}/32"}}


def _volume(place: Path, name: str) -> dict[str, Any]:
    """A folder of the node, as a volume for whoever claims one."""
    place.mkdir(parents=True)
    on = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "here",
            "local": {"path": str(place)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [on]}},
        },
    }


def _run(*words: object, **variables: str) -> str:
    environment = os.environ | variables
    argv = list(map(str, words))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
