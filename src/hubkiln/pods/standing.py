"""How a step pod stands, read from what Kubernetes says of it: going on, ended, or never to begin, and why. Pure."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

from hubkiln.errors import HubkilnError, ServiceError, TooLarge
from hubkiln.pods.api import Json

CONTAINER = "step"
_AGAIN = "Nothing is lost but time: build it again."

_NEVER = {
    "InvalidImageName": "the name of the image is not one",
    "CreateContainerConfigError": "the node cannot make its container",
    "CreateContainerError": "the node cannot make its container",
    "RunContainerError": "the node cannot start its container",
    "ErrImageNeverPull": "the node may not pull its image",
}
_PULLS = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"}
_NODES = ("The node ", "Node ")
"""How reasons begin that are a node's own: that it has little left, whoever used it."""
_LOST = {
    "NodeLost": "its node was lost",
    "NodeShutdown": "its node was shut down",
    "Terminated": "its node was shut down",
    "Shutdown": "its node was shut down",
    "Preempting": "a pod of higher priority took its place",
    "PreemptionByScheduler": "a pod of higher priority took its place",
    "DeletionByTaintManager": "its node no longer takes pods",
    "EvictionByEvictionAPI": "its node was being emptied",
    "DeletionByPodGC": "its node was lost",
    "UnexpectedAdmissionError": "its node did not take it",
    "NodeAffinity": "its node did not take it",
    "OutOfcpu": "its node had no room left",
    "OutOfmemory": "its node had no room left",
    "OutOfpods": "its node had no room left",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a pod."""

    started: bool = False
    """Whether its container runs, or has run, so that there is a log."""
    waits: str = ""
    """Why it has not begun, in Kubernetes' words."""
    pulls: bool = False
    """Whether that is because of its image."""
    never: HubkilnError | None = None
    """It will not begin, or did not end of itself."""
    code: int | None = None
    """Its exit code, once it has ended."""
    out_of_memory: bool = False
    timed_out: bool = False

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self.never is not None or self.code is not None


def standing(pod: Json, what: str) -> Standing:
    """How `pod` stands; `what` begins sentences, and ``{}`` is one that has gone."""
    if not pod:
        return Standing(never=_lost(what, "somebody removed it"))
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return _ended(status, what)
    if pod["metadata"].get("deletionTimestamp"):
        why = _disruption(status) or _LOST.get(str(status.get("reason")), "somebody removes it")
        return Standing(never=_lost(what, why))
    container = _container(status)
    state = container.get("state") or {}
    if waiting := state.get("waiting"):
        return _waiting(str(waiting.get("reason", "")), str(waiting.get("message", "")), what)
    if state.get("running") or state.get("terminated"):
        return Standing(started=True)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Standing(waits=str(condition.get("message") or condition.get("reason") or "no node takes it"))
    return Standing()


def _waiting(reason: str, message: str, what: str) -> Standing:
    if reason in _NEVER:
        hint = "An admin's turn: `kubectl describe` of the pod says more."
        return Standing(never=ServiceError(f"{what} could not begin: {_NEVER[reason]} ({_said(message)}).", hint=hint))
    return Standing(waits=message or reason, pulls=reason in _PULLS)


def _ended(status: Json, what: str) -> Standing:
    reason, message = str(status.get("reason", "")), str(status.get("message", ""))
    container = _container(status)
    terminated = (container.get("state") or {}).get("terminated") or {}
    if reason == "Evicted":
        return Standing(never=_evicted(message, what))
    if reason == "DeadlineExceeded":
        return Standing(timed_out=True, code=int(terminated.get("exitCode") or 137))
    if why := _LOST.get(reason) or _disruption(status):
        return Standing(never=_lost(what, why))
    if not terminated:
        return Standing(never=_lost(what, f"Kubernetes says {_said(message or reason or 'nothing of why')}"))
    noted = {}
    with suppress(ValueError, RecursionError):
        noted = json.loads(terminated.get("message") or "{}")
    return Standing(
        started=True,
        code=int(terminated.get("exitCode", 0)),
        out_of_memory=terminated.get("reason") == "OOMKilled",
        timed_out=isinstance(noted, dict) and bool(noted.get("timed_out")),
    )


def _evicted(message: str, what: str) -> HubkilnError:
    if not message.startswith(_NODES) and "limit" in message:
        return TooLarge(
            f"{what} wrote more than it may ({_said(message)}).",
            hint="Write less to disk, or ask the administrator for a higher limit.",
        )
    return _lost(what, f"its node had to free itself of pods ({_said(message)})")


def _lost(what: str, why: str) -> ServiceError:
    return ServiceError(f"{what} was ended from outside: {why}.", hint=_AGAIN)


def _disruption(status: Json) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            return _LOST.get(str(condition.get("reason")), _said(str(condition.get("message", ""))))
    return ""


def _container(status: Json) -> Json:
    found: list[Json] = [one for one in status.get("containerStatuses") or () if one.get("name") == CONTAINER]
    return found[0] if found else {}


def _said(message: str) -> str:
    return message.strip().rstrip(".")[:500]
