"""What is dear to make and shared by all."""

import os
from pathlib import Path

import pytest
from newcomer import hubkiln


@pytest.fixture(scope="session")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A data folder whose stores hold the Jupyter stack, so that builds in it take a second.

    ``$HUBKILN_TEST_DATA`` names one to keep between runs.
    """
    kept = os.environ.get("HUBKILN_TEST_DATA")
    data = Path(kept) if kept else tmp_path_factory.mktemp("stacked") / "data"
    done = hubkiln("build", "inline/jupyterlab", data=data)
    assert done.returncode == 0, done.stderr
    return data
