"""What a step's pod is held to, and that what it asks for fits into that."""

from __future__ import annotations

from typing import Any

import pytest

from hubkiln.pods.description import Order, described
from hubkiln.pods.interface import PodSettings
from hubkiln.pods.limits import amount, capability, limits_of, told, within
from hubkiln.sandbox.interface import Room
from hubkiln.values import Limits

GIB = 1024**3
USUAL = Limits(seconds=1800, memory_bytes=4 * GIB, disk_bytes=10 * GIB)


def pod(step: Limits = USUAL, *, kept: bool = True, **resources: Any) -> dict[str, Any]:
    """A step's pod, of which an admin said `resources`."""
    order = Order(name="it", build="1", image="a@b", argv=("true",), seconds=step.seconds, token="", uploads=kept)
    room = Room(name="step", kept=kept, limits=step)
    return described(order, room, PodSettings(template={"resources": resources} if resources else {}))


def resources(described: dict[str, Any]) -> dict[str, Any]:
    """Of its one container."""
    (container,) = described["spec"]["containers"]
    found: dict[str, Any] = container["resources"]
    return found


@pytest.mark.parametrize(
    ("quantity", "means"),
    [("100m", "0.1"), (2, "2"), ("1.5", "1.5"), ("4Gi", 4 * GIB), ("5G", 5 * 10**9), ("1e3", 1000)],
)
def test_a_quantity_is_read(quantity: object, means: object) -> None:
    """As Kubernetes writes it."""
    assert str(amount(quantity).normalize()) == str(amount(means).normalize())


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (pod(), "at most 4 GiB of memory, 10 GiB of disk, 45 min with its pull; no limit of CPU"),
        (pod(limits={"cpu": "1500m"}), "at most 4 GiB of memory, 10 GiB of disk, 1.5 CPU, 45 min with its pull"),
        (pod(Limits()), "at most 1440 min with its pull; no limit of memory and disk and CPU"),
        (
            pod(Limits(), limits={"memory": "2Gi"}),
            "at most 2 GiB of memory, 1440 min with its pull; no limit of disk and CPU",
        ),
        (
            pod(Limits(seconds=60), kept=False),
            "at most 2 GiB of memory, 2 GiB of disk, 16 min with its pull; no limit of CPU",
        ),
    ],
)
def test_what_a_pod_is_held_to_is_what_its_description_says(made: dict[str, Any], says: str) -> None:
    """Nothing is called limited that has no limit, whoever could have set one."""
    assert told(limits_of(made)) == says


def test_a_limit_that_the_cluster_put_in_counts() -> None:
    """A LimitRange's, say."""
    made = pod()
    resources(made)["limits"]["cpu"] = "2"
    assert limits_of(made).cpus == 2


@pytest.mark.parametrize(
    ("limits", "memory", "cpu", "reason"),
    [
        (limits_of(pod()), True, False, "Step pods have no limit of CPU."),
        (limits_of(pod(limits={"cpu": 2})), True, True, ""),
        (limits_of(pod(Limits())), False, False, "Step pods have no limit of memory and CPU."),
    ],
)
def test_no_limit_is_called_enforced_that_is_not_there(limits: Limits, memory: bool, cpu: bool, reason: str) -> None:
    """Of memory neither, where the admin says `step_memory: none`."""
    found = capability("", limits)
    assert (found.works, found.memory_enforced, found.cpu_enforced, found.limits_reason) == (True, memory, cpu, reason)
    none = capability("No.", limits)
    assert (none.works, none.reason, none.memory_enforced, none.cpu_enforced) == (False, "No.", False, False)


@pytest.mark.parametrize(
    ("said", "kept", "asked"),
    [
        ({"requests": {"memory": "3Gi"}}, False, {"memory": str(2 * GIB), "cpu": "100m"}),
        ({"requests": {"memory": "3Gi"}}, True, {"memory": "3Gi", "cpu": "100m"}),
        ({"limits": {"cpu": "50m"}}, True, {"memory": str(GIB // 4), "cpu": "50m"}),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}, True, {"memory": str(GIB // 4), "cpu": "1500m"}),
    ],
)
def test_nothing_is_asked_for_above_its_limit(said: dict[str, Any], kept: bool, asked: dict[str, str]) -> None:
    """No API server takes such a pod: a trial's limits are lower than a step's, for which an admin asks more."""
    found = resources(pod(USUAL if kept else Limits(seconds=60), kept=kept, **said))
    assert {name: found["requests"][name] for name in asked} == asked


def test_what_is_no_quantity_is_the_api_servers_to_refuse() -> None:
    """Its words reach the admin."""
    assert within({"memory": "much"}, {"memory": "1Gi"}) == {"memory": "much"}
    assert limits_of(pod(limits={"cpu": "many"})).cpus is None
