"""What a step's image costs a real registry: of an environment, what no step had before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.layer_index import InMemoryLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.images.push_target import PushTarget
from hubkiln.images.registry import RegistryClient
from hubkiln.pods.room_images import RoomImages
from hubkiln.sandbox import current_identity
from hubkiln.sandbox.interface import Overlay, Room
from hubkiln.testing.docker_registry import DockerRegistry, installed
from hubkiln.values import PREFIX

pytestmark = [pytest.mark.registry, pytest.mark.skipif(not installed(), reason="docker-registry is not installed")]

MANY, FEW = 3_000_000, 100_000


def environment(data: DataDir, name: str, packages: dict[str, bytes]) -> Room:
    """A room over an environment with a module of each of `packages`."""
    base, folder = data.root / "base", data.environments / name
    (base / "etc").mkdir(parents=True, exist_ok=True)
    for package, content in packages.items():
        about = folder / f"lib/{package}-1.dist-info"
        about.mkdir(parents=True)
        (folder / f"lib/{package}.py").write_bytes(content)
        (about / "RECORD").write_text(f"{package}.py,,\n{package}-1.dist-info/RECORD,,\n")
    overlay = Overlay(target=f"/{PREFIX}", lowers=(folder,), upper=data.steps / name)
    return Room(rootfs=Overlay(target="/", lowers=(base,)), overlays=(overlay,), name="step")


def stored(registry: DockerRegistry) -> int:
    """Bytes of all blobs."""
    return sum(path.stat().st_size for path in registry.folder.rglob("blobs/sha256/*/*/data"))


async def test_a_step_sends_of_its_environment_what_is_new(tmp_path: Path) -> None:
    """An environment with one package more than another's costs that package, for whichever replica runs its step."""
    first = {"large": os.urandom(MANY), "small": b"1"}
    with DockerRegistry(tmp_path / "registry") as registry:
        target = PushTarget(f"{registry.host}/env", f"{registry.host}/env")
        data = DataDir(tmp_path / "data").make()
        for replica, packages, least, most in (
            ("one", first, MANY, MANY + FEW),
            ("two", first | {"more": os.urandom(FEW)}, FEW, 2 * FEW),
        ):
            layout = OciLayout(tmp_path / replica).make()
            store = LayerStore(layout, InMemoryLayerIndex())
            images = RoomImages(
                data, current_identity(), lambda store=store: store, lambda: RegistryClient(RegistrySettings()), target
            )
            before = stored(registry)
            await images.pushed(environment(data, replica, packages), f"step-{replica}")
            assert least < stored(registry) - before < most
