"""The description of a step pod: what Pod Security's *restricted* asks for, and limits that the kubelet heeds. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubkiln.pods import agent
from hubkiln.pods.api import Json
from hubkiln.pods.interface import PodSettings
from hubkiln.pods.limits import limits_of, told, within
from hubkiln.pods.standing import CONTAINER
from hubkiln.sandbox import SKIPPED, Network, Room
from hubkiln.values import PREFIX, Limits

AGENT = ".hubkiln"
"""Folder of the agent, below ``/``."""

MANAGED, BUILD, STEP, NETWORK = (
    "app.kubernetes.io/managed-by",
    "hubkiln.io/build",
    "hubkiln.io/step",
    "hubkiln.io/network",
)
OURS = "hubkiln"
TOKEN = "HUBKILN_STEP_TOKEN"
START_SECONDS = 900
"""What the pull of an image may take of a pod's deadline, which begins with it."""
LONGEST_SECONDS = 24 * 3600
"""Deadline of a pod whose step has none: one that nobody looks after goes by it."""

_PYTHONS = (
    *("/usr/local/bin", "/usr/bin", "/opt/*/bin", "/opt/python/*/bin", "/srv/conda/bin"),
    f"/{PREFIX}/bin",
)
_ASKED = {"memory": 256 * 1024**2, "ephemeral-storage": 1024**3}
"""What a node must have left: little, for most steps need little for most of their time."""

_TRIAL = 2 * 1024**3
"""Of memory, and of disk, for a trial: several times what starting Jupyter takes, and nothing of a stranger's is
unbounded."""

_AS_USER: Json = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000}
_AS_ROOT: Json = {"runAsUser": 0, "runAsGroup": 0}
_FOR_APT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT")
"""Capabilities that *baseline* admits, as far as packages of the system need them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One step, as its pod is told."""

    name: str
    build: str
    image: str
    """By its digest, as nodes pull it."""
    argv: tuple[str, ...]
    seconds: float | None
    token: str = ""
    uploads: bool = False
    """Whether what it changes is wanted."""


def python(words: str) -> str:
    """A shell's script that runs the Python of whatever image it is in, with `words`."""
    return f"""\
for folder in {" ".join(_PYTHONS)}; do
  for python in "$folder"/python3 "$folder"/python3.[0-9] "$folder"/python3.[0-9][0-9]; do
    [ -x "$python" ] && exec "$python" -I -S -B {words}
  done
done
echo "The image has no Python to run a step with."; exit 126
"""


def unseen(room: Room) -> list[str]:
    """Paths below ``/`` at which nothing that a step does counts."""
    shown = [overlay.target for overlay in room.overlays if overlay.upper is None]
    shown += [mount.target for mount in (*room.mounts, *room.volumes)]
    return sorted(SKIPPED | {AGENT} | {target.strip("/") for target in shown})


def described(order: Order, room: Room, settings: PodSettings) -> Json:
    """The pod."""
    template = dict(settings.template)
    resources = dict(template.pop("resources", None) or {})
    labels = {MANAGED: OURS, BUILD: order.build, STEP: room.name, NETWORK: _network(room)}
    seconds = LONGEST_SECONDS if order.seconds is None else int(order.seconds) + START_SECONDS
    capabilities: Json = {"drop": ["ALL"]} | ({"add": list(_FOR_APT)} if room.root else {})
    container = {
        "name": CONTAINER,
        "image": order.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", python(f"/{AGENT}/agent.py")],
        "env": [
            {
                "name": "HUBKILN_STEP",
                "value": base64.b64encode(json.dumps(_told(order, room, settings)).encode()).decode(),
            },
            {"name": TOKEN, "value": order.token},
        ],
        "resources": _resources(room, resources),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": capabilities},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePath": agent.NOTE,
    }
    spec = template | {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": seconds,
        "terminationGracePeriodSeconds": 5,
        "securityContext": (_AS_ROOT if room.root else _AS_USER) | {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": order.name, "labels": labels}, "spec": spec}


def usual(settings: PodSettings, limits: Limits, *, root: bool = False) -> Json:
    """A pod as those of steps with `limits` are, of an image that is nowhere: to ask what becomes of such."""
    image = f"registry.invalid/none@sha256:{'0' * 64}"
    order = Order(name="hubkiln-doctor", build="none", image=image, argv=("true",), seconds=limits.seconds)
    return described(order, Room(root=root, name="doctor", limits=limits), settings)


def held(settings: PodSettings, limits: Limits) -> str:
    """What the pod of a step with `limits` is held to, for people."""
    return told(limits_of(usual(settings, limits)))


def token_of(pod: Json) -> str:
    """The token that `pod` was made with."""
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or ():
            if variable.get("name") == TOKEN:
                return str(variable.get("value", ""))
    return ""


def _told(order: Order, room: Room, settings: PodSettings) -> Json:
    host, _, port = settings.address.rpartition(":")
    limits = room.limits
    bounded = {"RLIMIT_FSIZE": limits.file_bytes, "RLIMIT_NOFILE": limits.open_files, "RLIMIT_CORE": 0}
    return {
        "argv": list(order.argv),
        "env": room.env,
        "cwd": room.cwd,
        "name": order.name,
        "seconds": order.seconds,
        "upload": order.uploads,
        "service": [host.strip("[]"), int(port or 0)],
        "skip": unseen(room),
        "limits": {name: most for name, most in bounded.items() if most is not None},
    }


def _resources(room: Room, template: Mapping[str, Any]) -> Json:
    """The step's limits, and what the admin says of requests and CPU."""
    trial = None if room.kept else _TRIAL
    limits = {
        "memory": room.limits.memory_bytes or trial,
        "ephemeral-storage": room.limits.disk_bytes or trial,
    }
    own = {name: str(most) for name, most in limits.items() if most is not None}
    asked = (
        {name: str(usual) for name, usual in _ASKED.items()} | {"cpu": "100m"} | dict(template.get("requests") or {})
    )
    most = dict(template.get("limits") or {}) | own
    return {"limits": most, "requests": within(asked, most)}


def _network(room: Room) -> str:
    return "none" if room.network is Network.NONE else "steps"


def selector(build: str | None = None) -> str:
    """Of all our pods, or those of one build."""
    labels: Sequence[str] = [f"{MANAGED}={OURS}", STEP, *([f"{BUILD}={build}"] if build else [])]
    return ",".join(labels)
