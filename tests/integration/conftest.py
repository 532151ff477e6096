"""What is dear to make and shared by all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept import alone, give_stores
from kept_base import give_base
from newcomer import hubkiln
from sandbox_user import open_folder
from tiny_image import storage

from hubkiln.composer.repo2docker.engines import EngineCommand


@pytest.fixture(scope="session")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """
    A data folder whose stores hold the Jupyter stack, so that builds in it take a second.

    Each process that runs tests has its own, and the stack is unpacked by the first. ``$HUBKILN_TEST_DATA`` names a
    folder to keep between runs.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    kept = os.environ.get("HUBKILN_TEST_DATA")
    data = Path(kept) / worker if kept else open_folder() / "data"
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if worker else base
    with alone("stack", shared):
        if (shared / "stack").exists():
            give_stores(shared / "stack", data)
        done = hubkiln("build", "inline/jupyterlab", data=data)
        assert done.returncode == 0, done.stderr
        if worker and not (shared / "stack").exists():
            give_stores(data, shared / "stack")
    yield data
    if not kept:
        shutil.rmtree(data.parent)


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
