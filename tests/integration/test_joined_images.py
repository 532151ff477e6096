"""Our own images for several processors: each made on a machine of its own, then joined under one name."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from hubkiln import __version__
from hubkiln.images import InMemoryLayerIndex, Pusher, RegistryClient, Runtime, compose_image, own_platform, parse_name
from hubkiln.testing.registry import InMemoryRegistry

MAKE = Path(__file__).parents[2] / "images/make.py"


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """What `make images` says."""
    return subprocess.run([sys.executable, MAKE, *words], capture_output=True, text=True, timeout=300, check=False)


async def test_images_of_two_platforms_become_one() -> None:
    """Each machine finds its own by the version; two of one platform are refused, and another machine's, in words."""
    with InMemoryRegistry() as registry:
        name = parse_name(f"{registry.host}/hubkiln")
        async with RegistryClient() as client:
            pushed = {}
            for platform in ("linux/amd64", "linux/arm64"):
                pusher = Pusher(client, name, InMemoryLayerIndex())
                made = compose_image(None, [], Runtime(user="1000"), platform=platform)
                pushed[platform] = str(name.at(await pusher.image(made)))
            done = await asyncio.to_thread(make, "--join", *pushed.values())
            assert done.returncode == 0, done.stderr
            for platform, reference in pushed.items():
                found = await client.manifest(name.tagged(__version__), platform)
                assert reference.endswith(found.descriptor.digest)
        twice = await asyncio.to_thread(make, "--join", *2 * (pushed["linux/arm64"],))
        assert "is for linux/arm64, as another that you name" in twice.stderr
    other = await asyncio.to_thread(make, "--platform", "linux/other")
    assert f"This machine is {own_platform()}: images of linux/other are made on such a one" in other.stderr


def test_what_is_composed_is_for_the_machine_that_composes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its packages are: a machine of another processor says so, whatever most are."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert b'"architecture":"arm64"' in compose_image(None, [], Runtime()).config
