"""What a cluster lets the service do, tried for real: rights, admission, and whether nodes can pull what is pushed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from hubkiln.errors import HubkilnError, Unreachable
from hubkiln.pods import admission
from hubkiln.pods.api import Api, Json, Refusal
from hubkiln.pods.description import Order, described, usual
from hubkiln.pods.interface import PodSettings, PodWaits
from hubkiln.pods.limits import limits_of, told
from hubkiln.pods.reach import Forbidden, reached
from hubkiln.pods.room_images import RoomImage, RoomImages
from hubkiln.pods.standing import CONTAINER, standing
from hubkiln.sandbox import Room
from hubkiln.values import Limits

PULL_SECONDS = 60
SMALL = Limits(seconds=60, memory_bytes=64 * 1024**2)
_TOO_MUCH = (
    ("get", "secrets", "", "read Secrets"),
    ("create", "pods", "exec", "run commands in any pod"),
    ("create", "rolebindings", "", "give rights"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was found out."""

    about: str
    well: bool
    needed: bool
    """Whether steps fail for it, where it is not well."""
    says: str


async def examined(
    api: Api,
    settings: PodSettings,
    limits: Limits,
    images: RoomImages | None,
    forbidden: Forbidden | None = None,
) -> AsyncIterator[Fact]:
    """What there is to say of steps with `limits`, most needed first; what was made for it is removed again."""
    try:
        missing = [needed for needed in admission.NEEDED if not await api.review(*needed)]
    except Unreachable as error:
        yield Fact("kubernetes", False, True, f"{error.message} {error.hint}")
        return
    except Refusal as refusal:
        says = f"{refusal.message} The token may have expired, or the account was removed."
        yield Fact("kubernetes", False, True, says)
        return
    yield Fact("kubernetes", True, True, f"{api.cluster.url} answers; steps are pods in {api.cluster.namespace}")
    yield _rights(missing, api.cluster.namespace)
    too_much = [what for verb, resource, part, what in _TOO_MUCH if await api.review(verb, resource, part)]
    if too_much:
        says = f"it may also {', '.join(too_much)} in {api.cluster.namespace}: it never does, so take it away"
        yield Fact("rights", False, False, says)
    if ("create", "pods", "") in missing:
        return
    admitted = True
    async for fact in _admissions(api, settings, limits):
        admitted = admitted and (fact.well or not fact.needed)
        yield fact
    if images is None:
        yield Fact("registry", False, True, "`push` is not set, so no node could pull what steps stand on")
    elif admitted:
        async for fact in _pulled(api, settings, images):
            yield fact
            admitted = fact.well
        if admitted and forbidden is not None:
            yield _enclosed(await reached(api, settings, forbidden))


def _rights(missing: Sequence[tuple[str, str, str]], namespace: str) -> Fact:
    if not missing:
        return Fact("rights", True, True, f"this service may make, look at and remove pods in {namespace}")
    named = ", ".join(f"{verb} {resource}{f'/{part}' if part else ''}" for verb, resource, part in missing)
    says = f"this service may not {named} in {namespace}; the chart makes the Role with `builds.mode: pods`"
    return Fact("rights", False, True, says)


async def _admissions(api: Api, settings: PodSettings, limits: Limits) -> AsyncIterator[Fact]:
    """Whether pods as our steps' would be admitted, and what they would be held to; none is made."""
    cases = [(False, "postBuild, packages from source and trials")]
    for root, what in [*cases, *([(True, "apt.txt")] if settings.root else [])]:
        try:
            pod = await api.create(usual(settings, limits, root=root), dry_run=True)
        except Refusal as refusal:
            error = admission.explained(refusal, api.cluster.namespace)
            yield Fact("pod security", False, True, f"{what}: {error.message} {error.hint}")
        else:
            yield Fact("pod security", True, True, f"pods of {what} are admitted in {api.cluster.namespace}")
            if not root:
                yield _held(limits_of(pod))


async def _pulled(api: Api, settings: PodSettings, images: RoomImages) -> AsyncIterator[Fact]:
    """Whether a node pulls an image that was just pushed; it holds nothing, so it cannot start, and need not."""
    mark = f"hubkiln-doctor-{secrets.token_hex(4)}"
    try:
        image = await images.empty(mark)
    except HubkilnError as error:
        yield Fact("registry", False, True, f"an image could not be pushed: {error.message} {error.hint}".strip())
        return
    yield Fact("registry", True, True, f"an image of nothing was pushed as {image.name.repository}")
    pod = described(_order(image.pulled, mark), Room(name="doctor", kept=False, limits=SMALL), settings)
    try:
        await admission.made(api, pod, PodWaits(quota=0), lambda text: None)
        yield await _outcome(api, image, mark)
    except HubkilnError as error:
        yield Fact("nodes", False, True, f"{error.message} {error.hint}".strip())
    finally:
        await asyncio.shield(_removed(api, images, image, mark))


def _held(limits: Limits) -> Fact:
    """What steps are held to, as the API server took the pod: with what a LimitRange puts in."""
    well = None not in (limits.memory_bytes, limits.disk_bytes, limits.cpus)
    hint = (
        "" if well else " (`step_memory`, `step_disk`; of CPU, `resources` of pods_template: the chart's builds.pods)"
    )
    return Fact("limits", well, False, f"each step is a pod with {told(limits)}{hint}")


def _enclosed(there: bool | None) -> Fact:
    """What it means that a step's pod got, or did not get, where its policy forbids."""
    if there:
        says = (
            "a step reaches what its network policy forbids: either there is none, or this cluster's network enforces"
        )
        return Fact("policies", False, False, f"{says} none. Then steps reach the hub, other pods and nodes.")
    if there is None:
        return Fact("policies", False, False, "whether they hold was not found out: no node has run the base image")
    return Fact("policies", True, True, "a step does not reach what its network policy forbids")


async def _removed(api: Api, images: RoomImages, image: RoomImage, name: str) -> None:
    try:
        await api.delete(name)
    finally:
        await images.remove(image)


async def _outcome(api: Api, image: RoomImage, name: str) -> Fact:
    waits = "no node has taken the pod"
    for _ in range(PULL_SECONDS):
        pod = await api.get(name)
        if has_image(pod):
            return Fact("nodes", True, True, f"a node has pulled {image.pulled.partition('@')[0]}")
        found = standing(pod, "A pod")
        waits = found.waits or waits
        await asyncio.sleep(1)
    says = f"no node has pulled {image.pulled.partition('@')[0]} in {PULL_SECONDS} s: {waits.rstrip('.')}."
    hint = "`pull_from` must be the name that nodes see, with a certificate that they trust; and they may need a login"
    return Fact("nodes", False, True, f"{says} {hint} (the chart's builds.pullSecrets)")


def has_image(pod: Json) -> bool:
    """Whether the node of `pod` has its image: it names it, or has come to starting it."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        state = container.get("state") or {}
        reason = (state.get("waiting") or {}).get("reason", "")
        begun = "terminated" in state or "running" in state or reason in ("RunContainerError", "CreateContainerError")
        if container.get("name") == CONTAINER and (container.get("imageID") or begun):
            return True
    return False


def _order(image: str, name: str) -> Order:
    return Order(name=name, build="none", image=image, argv=("true",), seconds=60)
