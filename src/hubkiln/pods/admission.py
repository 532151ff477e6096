"""Getting a pod admitted: what is checked before, and what each refusal of the API server means."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hubkiln.errors import EngineMissing, ServiceError
from hubkiln.pods.api import Api, Cluster, Json, Refusal
from hubkiln.pods.interface import PodWaits
from hubkiln.sandbox import DOOR_PORT, Network, Room
from hubkiln.values import Say

NEEDED = (
    ("create", "pods", ""),
    ("get", "pods", ""),
    ("list", "pods", ""),
    ("watch", "pods", ""),
    ("delete", "pods", ""),
    ("get", "pods", "log"),
)
"""All that step pods need of the API server, in one namespace."""

_LOOK_SECONDS = 1.0
_ROLE = "An admin's turn: the chart's `builds.mode: pods` makes the Role; `hubkiln doctor --cluster` looks at it."


def in_namespace(cluster: Cluster, namespace: str) -> Cluster:
    """`cluster` with the pods in `namespace`, if one was chosen."""
    return replace(cluster, namespace=namespace) if namespace else cluster


def with_policy(room: Room) -> Room:
    """`room` without the variables that lead to the sandbox's own proxy, which no pod has."""
    door = f"http://127.0.0.1:{DOOR_PORT}"
    if room.network is not Network.DOOR:
        return room
    return replace(room, env={name: value for name, value in room.env.items() if value != door})


async def check(api: Api) -> None:
    """
    Raises:
        EngineMissing: we may not do what step pods need.
        Unreachable: nobody answers.
    """
    for verb, resource, subresource in NEEDED:
        if not await api.review(verb, resource, subresource):
            what = f"{verb} {resource}{f'/{subresource}' if subresource else ''}"
            raise EngineMissing(
                f"This service may not {what} in the namespace {api.cluster.namespace}, which step pods need.",
                hint=_ROLE,
            )


async def made(api: Api, pod: Json, waits: PodWaits, say: Say) -> Json:
    """
    `pod` as it was made, or the one of its name that is there: an earlier process's, for the same.

    Where a quota is used up, it waits for other steps to end, and says so. One of its name that is going is waited
    for, and taken off the API server's list if its node no longer answers.

    Raises:
        EngineMissing: it is not admitted.
        ServiceError, Unreachable.
    """
    told, clock = False, asyncio.get_running_loop().time
    name, until, going = pod["metadata"]["name"], clock() + waits.quota, clock() + waits.going
    while True:
        try:
            return await api.create(pod)
        except Refusal as refusal:
            if refusal.number == 409:
                if (found := await there(api, name)) is not None:
                    return found
                if clock() > going:
                    await api.delete(name)
            elif not is_quota(refusal) or clock() > until:
                raise explained(refusal, api.cluster.namespace) from refusal
            elif not told:
                told = True
                say(f"Note: waiting for other steps to end, for the cluster's quota is used up ({refusal.said}).\n")
        await asyncio.sleep(_LOOK_SECONDS)


async def there(api: Api, name: str) -> Json | None:
    """The pod `name`, unless it goes away."""
    try:
        found = await api.get(name)
    except Refusal as refusal:
        if refusal.number == 404:
            return None
        raise
    return None if found["metadata"].get("deletionTimestamp") else found


def is_quota(refusal: Refusal) -> bool:
    """Whether it is a ResourceQuota that is used up."""
    return refusal.number == 403 and "exceeded quota" in refusal.said


def explained(refusal: Refusal, namespace: str) -> ServiceError:
    """What `refusal` of a pod means, and whose turn it is."""
    said = refusal.said
    if is_quota(refusal):
        return ServiceError(
            f"No pod can be made for the step: the quota of the namespace {namespace} is used up ({said}).",
            hint="Try again when other builds have ended; or an admin raises builds.quota.",
        )
    if refusal.number == 403 and ("failed quota" in said or " per Container is" in said or " per Pod is" in said):
        return EngineMissing(
            f"What a step's pod may use does not fit into the limits of the namespace {namespace}: {said}.",
            hint="An admin's turn: set step_memory, step_disk and pods_template's resources (the chart's builds.pods).",
        )
    if "violates PodSecurity" in said:
        return EngineMissing(
            f"The namespace {namespace} does not admit the step's pod: {said}.",
            hint="An admin's turn: `apt.txt` needs a namespace of Pod Security's level baseline; other steps do not.",
        )
    if refusal.number == 403 and "cannot create resource" in said:
        return EngineMissing(f"This service may not make pods in the namespace {namespace}.", hint=_ROLE)
    if refusal.number in (400, 422):
        return EngineMissing(
            f"Kubernetes does not take the description of a step's pod: {said}.",
            hint="An admin's turn: look at pods_template (the chart's builds.pods).",
        )
    return refusal
