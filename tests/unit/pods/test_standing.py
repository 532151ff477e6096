"""What Kubernetes says of a pod, and what that means for its step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubkiln.errors import EngineMissing, HubkilnError, ServiceError, TooLarge
from hubkiln.pods.admission import explained
from hubkiln.pods.api import Refusal
from hubkiln.pods.standing import Standing, standing
from hubkiln.pods.sweep import is_left

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def pod(phase: str, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """A pod as the API server tells of it."""
    containers = [{"name": "mesh", "state": {"running": {}}}]
    containers += [{"name": "step", "state": state}] if state is not None else []
    return {"metadata": {"name": "it"}, "status": {"phase": phase, "containerStatuses": containers} | status}


def going(told: dict[str, Any]) -> dict[str, Any]:
    """The same, once it is to be removed."""
    return told | {"metadata": {"name": "it", "deletionTimestamp": "2026-11-29T12:00:00Z"}}


def ended(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    """The state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": reason} | more}


@pytest.mark.parametrize(
    ("told", "means"),
    [
        (pod("Pending"), Standing()),
        (pod("Pending", {"waiting": {"reason": "ContainerCreating"}}), Standing(waits="ContainerCreating")),
        (
            pod("Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}),
            Standing(waits="Back-off", pulls=True),
        ),
        (
            pod("Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]),
            Standing(waits="0/3 nodes"),
        ),
        (pod("Running", {"running": {"startedAt": "x"}}), Standing(started=True)),
        (pod("Succeeded", ended(0, "Completed")), Standing(started=True, code=0)),
        (pod("Failed", ended(3)), Standing(started=True, code=3)),
        (pod("Failed", ended(137, "OOMKilled")), Standing(started=True, code=137, out_of_memory=True)),
        (pod("Failed", ended(143, message='{"timed_out": true}')), Standing(started=True, code=143, timed_out=True)),
        (pod("Failed", ended(1, message="not ours")), Standing(started=True, code=1)),
        (pod("Failed", ended(137), reason="DeadlineExceeded"), Standing(timed_out=True, code=137)),
    ],
)
def test_what_is_told_is_how_it_stands(told: dict[str, Any], means: Standing) -> None:
    """Of the step's own container, whatever else is in the pod."""
    assert standing(told, "The step") == means


@pytest.mark.parametrize(
    ("told", "kind", "says"),
    [
        ({}, ServiceError, "ended from outside: somebody removed it"),
        (pod("Failed", reason="NodeLost"), ServiceError, "its node was lost"),
        (pod("Failed", reason="NodeShutdown"), ServiceError, "its node was shut down"),
        (pod("Failed", reason="Preempting"), ServiceError, "a pod of higher priority"),
        (pod("Failed", reason="OutOfmemory"), ServiceError, "had no room left"),
        (
            pod("Failed", reason="Evicted", message="The node was low on resource: memory. "),
            ServiceError,
            "free itself",
        ),
        *(
            (pod("Failed", reason="Evicted", message=message), ServiceError, "free itself")
            for message in (
                "The node was low on resource: ephemeral-storage. Container step was using 25Gi, "
                "which exceeds its request of 1Gi. ",
                "The node was low on resource: inodes. Threshold quantity: 5%, available: 1%, which exceeds its limit.",
                "The node had condition: [DiskPressure]. ",
                "Node is draining: its ephemeral storage exceeds a limit",
            )
        ),
        *(
            (pod("Failed", reason="Evicted", message=message), TooLarge, "wrote more than it may")
            for message in (
                "Pod ephemeral local storage usage exceeds the total limit of containers 8388608. ",
                'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ',
            )
        ),
        (going(pod("Running", {"running": {}}, reason="NodeLost")), ServiceError, "its node was lost"),
        (going(pod("Running", {"running": {}})), ServiceError, "somebody removes it"),
        (
            going(
                pod("Running", conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}])
            ),
            ServiceError,
            "its node was lost",
        ),
        (
            pod(
                "Failed", reason="Evicted", message='Container step exceeded its local ephemeral storage limit "1Gi". '
            ),
            TooLarge,
            "wrote more than it may",
        ),
        (
            pod(
                "Failed",
                ended(137),
                conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}],
            ),
            ServiceError,
            "its node was being emptied",
        ),
        (pod("Failed", message="who knows"), ServiceError, "Kubernetes says who knows"),
        (pod("Pending", {"waiting": {"reason": "InvalidImageName"}}), ServiceError, "name of the image is not one"),
        (pod("Pending", {"waiting": {"reason": "CreateContainerError", "message": "no sh"}}), ServiceError, "(no sh)"),
    ],
)
def test_what_is_no_fault_of_a_step_is_not_blamed_on_it(
    told: dict[str, Any], kind: type[HubkilnError], says: str
) -> None:
    """Whose turn it is, in a sentence; only what it wrote itself is the step's own."""
    never = standing(told, "The step").never
    assert type(never) is kind and says in str(never)


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (Refusal(403, "Forbidden", 'pods "x" is forbidden: exceeded quota: few'), ServiceError, "is used up"),
        (Refusal(403, "Forbidden", "failed quota: x: must specify limits.cpu for: step"), EngineMissing, "builds.pods"),
        (
            Refusal(403, "Forbidden", "maximum memory usage per Container is 1Gi, but limit is 4Gi"),
            EngineMissing,
            "step_memory",
        ),
        (Refusal(403, "Forbidden", 'violates PodSecurity "restricted:latest"'), EngineMissing, "level baseline"),
        (Refusal(403, "Forbidden", 'User "x" cannot create resource "pods"'), EngineMissing, "may not make pods"),
        (Refusal(422, "Invalid", "spec.tolerations: Invalid value"), EngineMissing, "pods_template"),
        (Refusal(500, "InternalError", "webhook failed"), Refusal, "webhook failed"),
    ],
)
def test_each_refusal_says_whose_turn_it_is(refusal: Refusal, kind: type[ServiceError], says: str) -> None:
    """The quota's, the limits', the namespace's, the Role's, the template's."""
    error = explained(refusal, "steps")
    assert type(error) is kind and says in str(error)


@pytest.mark.parametrize(
    ("phase", "minutes", "left"),
    [("Succeeded", 59, False), ("Succeeded", 61, True), ("Running", 61, False), ("Running", 91, True)],
)
def test_a_pod_is_left_an_hour_after_its_end_or_its_deadline(phase: str, minutes: int, left: bool) -> None:
    """Until then whoever takes its build over may come for it."""
    made = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    about = {
        "metadata": {"creationTimestamp": made},
        "spec": {"activeDeadlineSeconds": 1800},
        "status": {"phase": phase},
    }
    assert is_left(about, NOW) is left


@pytest.mark.parametrize(("minutes", "left"), [(4, False), (6, True)])
def test_a_pod_that_does_not_go_is_left(minutes: int, left: bool) -> None:
    """Of a node that no longer answers, which nobody else takes off the list for as long as it may come back."""
    at = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    about = {"creationTimestamp": at, "deletionTimestamp": at}
    assert is_left({"metadata": about, "spec": {}, "status": {"phase": "Running"}}, NOW) is left
