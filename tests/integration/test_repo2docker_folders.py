"""Those of repo2docker's own example folders that pass, built and verified, where a checkout of its tests is given."""

from __future__ import annotations

import os
import shutil
import tomllib
from pathlib import Path

import pytest
from newcomer import hubkiln

FOLDERS = tomllib.loads((Path(__file__).parents[1] / "repo2docker_folders.toml").read_text())
GIVEN = os.environ.get("HUBKILN_REPO2DOCKER_TESTS", "")

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not GIVEN, reason="HUBKILN_REPO2DOCKER_TESTS names no checkout of repo2docker's tests"),
]


@pytest.mark.parametrize("name", [name for name, row in FOLDERS.items() if row["outcome"] == "passes"])
def test_a_folder_passes(name: str, stacked: Path, tmp_path: Path) -> None:
    """Built, and its own `verify` runs through."""
    folder = tmp_path / "repository"
    shutil.copytree(Path(GIVEN) / name, folder)
    (folder / "verify").chmod(0o755)
    reach = {"HUBKILN_STEP_NETWORK": "public packages registry.npmjs.org:443"}
    ran = hubkiln("run", folder, "--", "./verify", data=stacked, env=reach, seconds=500)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
