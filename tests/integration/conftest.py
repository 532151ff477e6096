"""What is dear to make and shared by all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_base import give_base
from tiny_image import storage, volume

from hubkiln.composer.repo2docker.engines import EngineCommand


@pytest.fixture(scope="session")
def based(stacked: Path) -> Path:
    """The same with a base image, from now on."""
    give_base(stacked)
    return stacked


@pytest.fixture(scope="session")
def podman() -> Iterator[EngineCommand]:
    """Podman with a storage of its own, so that the layers that all our images have are unpacked once."""
    with storage() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that the user of an image may write, as a hub's new volume."""
    with volume(tmp_path / "home") as made:
        yield made
