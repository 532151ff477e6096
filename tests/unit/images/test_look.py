"""Promises of what is said of an image before it is pulled, by a registry that really answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from hubkiln.errors import NotFound, Unreachable
from hubkiln.images import OCI_MANIFEST, Looks, RegistryClient, RegistrySettings, Sign, own_platform
from hubkiln.images.look import KEEP_SECONDS, seen
from hubkiln.testing.registry import InMemoryRegistry, Repository


@pytest.fixture
def registry() -> Iterator[InMemoryRegistry]:
    with InMemoryRegistry() as running:
        yield running


def kept(data: bytes) -> dict[str, Any]:
    return {"mediaType": "x/y", "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def add(registry: InMemoryRegistry, config: dict[str, Any], size: int = 70) -> None:
    """An image ``lab/image:1`` of one layer."""
    system, _, architecture = own_platform().partition("/")
    layers = {"rootfs": {"diff_ids": ["sha256:" + "1" * 64]}}
    text = json.dumps({"os": system, "architecture": architecture, **layers, **config})
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + "2" * 64, "size": size}
    named = kept(text.encode())
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named, "layers": [layer]}
    data = json.dumps(manifest).encode()
    digest = kept(data)["digest"]
    registry.repositories["lab/image"] = Repository(
        blobs={named["digest"]: text.encode()}, manifests={digest: (OCI_MANIFEST, data)}, tags={"1": digest}
    )


def looks(now: list[float]) -> Looks:
    return Looks(lambda: RegistryClient(RegistrySettings(platform=own_platform())), clock=lambda: now[0])


async def test_an_image_tells_its_size_age_and_what_speaks_for_jupyter(registry: InMemoryRegistry) -> None:
    """From two documents; the second look within ten minutes asks nobody, a later one does."""
    add(
        registry,
        {"created": "2026-03-01T10:00:00Z", "config": {"Cmd": ["bash"], "Env": ["JUPYTER_PORT=1"]}},
    )
    now = [0.0]
    looking = looks(now)
    found = await looking.at(f"{registry.host}/lab/image:1", "ada")
    assert found is not None
    assert (found.size_bytes, found.platform, found.sign) == (70, own_platform(), Sign.JUPYTER)
    assert found.created == datetime(2026, 3, 1, 10, tzinfo=UTC) and "@sha256:" in found.reference
    asked = len(registry.requests)
    await looking.at(f"{registry.host}/lab/image:1", "ada")
    assert len(registry.requests) == asked
    now[0] = KEEP_SECONDS + 1
    await looking.at(f"{registry.host}/lab/image:1", "ada")
    assert len(registry.requests) > asked


async def test_an_image_that_is_not_there_is_said_and_remembered(registry: InMemoryRegistry) -> None:
    """So that nobody who types makes the registry count."""
    looking = looks([0.0])
    for _ in range(2):
        with pytest.raises(NotFound):
            await looking.at(f"{registry.host}/lab/none:1", "ada")
    assert len([one for one in registry.requests if "manifests" in one.path]) == 1


@pytest.mark.parametrize(
    ("config", "sign"),
    [
        ({"history": [{"created_by": "RUN pip install jupyterhub==5"}]}, Sign.HUB),
        ({"config": {"Labels": {"org.JupyterHub": "x"}}}, Sign.HUB),
        ({"config": {"Cmd": ["bash"]}, "history": [{"created_by": "ADD file"}]}, Sign.NONE),
        ({"config": None, "created": "0001-01-01T00:00:00Z", "history": "odd", "os": {"odd": 1}}, Sign.NONE),
    ],
)
def test_what_speaks_for_jupyter(config: dict[str, Any], sign: Sign) -> None:
    """Commands, labels and history; strangers wrote it, so anything may be there."""
    found = seen("r", 1, config)
    assert (found.sign, found.created) == (sign, None)


async def test_one_user_does_not_keep_others_from_looking() -> None:
    """However many images one types at a time, few registries are asked for them at once."""
    asked: list[str] = []
    begun, gate = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def silent() -> AsyncIterator[RegistryClient]:
        asked.append("")
        if len(asked) == 5:
            begun.set()
        await gate.wait()
        raise Unreachable("It does not answer.")
        yield RegistryClient()

    looking = Looks(silent)
    many = [asyncio.create_task(looking.at(f"registry.example.org/lab/{number}:1", "ada")) for number in range(20)]
    other = asyncio.create_task(looking.at("registry.example.org/lab/other:1", "grace"))
    await begun.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(asked) == 5
    gate.set()
    ends = await asyncio.gather(*many, other, return_exceptions=True)
    assert len(asked) == 21 and all(isinstance(end, Unreachable) for end in ends)
