"""What is dear to make and shared by all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_base import give_base
from newcomer import hubkiln
from sandbox_user import open_folder
from tiny_image import storage

from hubkiln.composer.container_engines import EngineCommand


@pytest.fixture(scope="session")
def stacked() -> Iterator[Path]:
    """
    A data folder whose stores hold the Jupyter stack, so that builds in it take a second.

    ``$HUBKILN_TEST_DATA`` names one to keep between runs.
    """
    kept = os.environ.get("HUBKILN_TEST_DATA")
    data = Path(kept) if kept else open_folder() / "data"
    done = hubkiln("build", "inline/jupyterlab", data=data)
    assert done.returncode == 0, done.stderr
    yield data
    if not kept:
        shutil.rmtree(data.parent)


@pytest.fixture(scope="session")
def based(stacked: Path, request: pytest.FixtureRequest) -> Path:
    """The same with a base image, from now on."""
    give_base(stacked, request.config.cache)
    return stacked


@pytest.fixture(scope="session")
def podman() -> Iterator[EngineCommand]:
    """Podman with a storage of its own, so that the layers that all our images have are unpacked once."""
    with storage() as made:
        yield made
