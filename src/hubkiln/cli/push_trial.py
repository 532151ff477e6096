"""``hubkiln doctor --push``: whether the push target takes images, tells of them and gives them back, tried."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from hubkiln.cli.findings import Finding, State
from hubkiln.errors import HubkilnError
from hubkiln.images import (
    ImageName,
    InMemoryLayerIndex,
    LayerStore,
    OciLayout,
    Pusher,
    PushTarget,
    RegistryClient,
    Runtime,
    compose_image,
    inspect_image,
    parse_name,
    registry_clients,
)
from hubkiln.settings import Settings
from hubkiln.trees import Entry

NAME = "hubkiln-trial"
"""Tag of the image that is pushed and removed again, and its repository where each has one of its own."""


async def examine_push(settings: Settings) -> list[Finding]:
    """Everything there is to say; the image that is pushed for it is removed again, where the registry lets it."""
    target = settings.push.target
    if target is None:
        return [Finding("push", State.BAD, "no push target is set; see the setting `push`")]
    clients = registry_clients(settings.repositories.allowed_networks, settings.registries, target)
    async with clients() as client:
        return await _tried(client, target)


async def _tried(client: RegistryClient, target: PushTarget) -> list[Finding]:
    pushed = parse_name(target.repository(NAME, "0")).tagged(NAME)
    try:
        by_digest = await _pushed(client, pushed)
    except HubkilnError as error:
        hint = "" if "{name}" not in target.push else " Some registries want each repository to be made first."
        return [Finding("push", State.BAD, f"{pushed}: {error}{hint}")]
    found = [Finding("push", State.OK, f"{pushed.repository} takes images")]
    found.append(await _noted("find", _seen(client, pushed, by_digest), State.BAD))
    found.append(await _noted("pull", _given(client, target, by_digest), State.NOTE))
    found.append(await _noted("remove", _removed(client, by_digest), State.NOTE))
    return found


async def _noted(name: str, trial: Awaitable[tuple[bool, str]], missing: State) -> Finding:
    try:
        well, says = await trial
    except HubkilnError as error:
        well, says = False, str(error)
    return Finding(name, State.OK if well else missing, says)


async def _pushed(client: RegistryClient, name: ImageName) -> ImageName:
    """A new image of one small file, by its digest: one that was there before would prove nothing."""
    text = os.urandom(16).hex().encode()
    with tempfile.TemporaryDirectory() as folder:
        index = InMemoryLayerIndex()
        store = LayerStore(OciLayout(Path(folder)), index)
        pusher = Pusher(client, name, index)
        entries = [Entry(path="trial", mode=0o644, size=len(text), source=text)]
        layers = await pusher.layers([store.lazy(NAME, lambda: entries, title=NAME)])
        image = compose_image(None, [(layer, NAME) for layer in layers], Runtime(user="1000"))
        return name.at(await pusher.image(image))


async def _seen(client: RegistryClient, tagged: ImageName, by_digest: ImageName) -> tuple[bool, str]:
    for name in (by_digest, tagged):
        there = await client.find(name, push=True)
        if there is None or there.digest != by_digest.digest:
            return False, f"{name} was pushed, and the registry does not tell of it: all would be built again and again"
    return True, "what was pushed is found again, by digest and by tag"


async def _given(client: RegistryClient, target: PushTarget, pushed: ImageName) -> tuple[bool, str]:
    name = target.pulled(str(pushed))
    try:
        image = await inspect_image(client, parse_name(name))
        for layer in image.layers:
            await client.read_blob(image.name, layer.descriptor)
    except HubkilnError as error:
        return False, f"{name} cannot be pulled from here: {error} Servers' machines may still be able to."
    return True, f"{name} can be pulled from here; servers need their own logins for it"


async def _removed(client: RegistryClient, name: ImageName) -> tuple[bool, str]:
    await client.remove(name)
    if await client.find(name, push=True) is None:
        return True, "images can be removed, so step pods' throw-away images are"
    return False, "the registry removes nothing when it is asked; clean up with its own tools"
