"""The examples that need run steps, as a user runs them: built by the command line, checked by their own ``verify``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from git_server import GitServer, make_repository
from hubkiln import processes

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).parents[2] / "examples"

Hubkiln = Callable[..., Coroutine[None, None, processes.Finished]]


@pytest.fixture
def hubkiln(stacked: Path) -> Hubkiln:
    """The command line, on one data folder for all."""

    async def run(*words: str | Path, data: Path = stacked) -> processes.Finished:
        env = processes.clean_environment(HOME=str(Path.home()), HUBKILN_DATA_DIR=str(data))
        return await processes.run([sys.executable, "-m", "hubkiln", *words], env=env, seconds=500)

    return run


async def test_an_example_runs(hubkiln: Hubkiln) -> None:
    """Built, run, and built again: the second time everything is there. The others run as images, in Podman."""
    done = await hubkiln("run", EXAMPLES / "sdist", "--", "./verify")
    assert done.code == 0, done.output
    assert "sdist: ok" in done.output
    built = await hubkiln("build", EXAMPLES / "sdist", "--json")
    told = json.loads(built.output.strip().splitlines()[-1])
    assert told["reused"] is True, built.output
    assert told["seconds"]["building"] < 5


async def test_debian_packages_need_a_base_image(tmp_path: Path) -> None:
    """Where none can be made, the command that makes it is named before anything is done."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name != "mmdebstrap":
            (programs / program.name).symlink_to(program)
    env = processes.clean_environment(HOME=str(Path.home()), PATH=str(programs))
    argv = [sys.executable, "-m", "hubkiln", "build", "--data-dir", tmp_path / "data", EXAMPLES / "apt"]
    refused = await processes.run(argv, env=env, seconds=500)
    assert refused.code != 0
    assert "hubkiln base build" in refused.output


@pytest.mark.skipif("HUBKILN_TEST_LONG" not in os.environ, reason="takes minutes: set $HUBKILN_TEST_LONG")
@pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed")
@pytest.mark.timeout(1500)
async def test_the_first_build_that_needs_a_base_image_makes_it(hubkiln: Hubkiln, tmp_path: Path) -> None:
    """A plan says so and makes none; then Debian's packages are there, and the next build finds the base."""
    planned = await hubkiln("build", "--plan", EXAMPLES / "apt", data=tmp_path / "data")
    assert "one would be made first" in planned.output
    assert "success" not in planned.output  # mmdebstrap's last word
    ran = await hubkiln("run", EXAMPLES / "apt", "--", "./verify", data=tmp_path / "data")
    assert ran.code == 0, ran.output
    assert "One is made now" in ran.output
    again = await hubkiln("build", EXAMPLES / "apt", data=tmp_path / "data")
    assert "One is made now" not in again.output


async def test_a_requirement_from_git(hubkiln: Hubkiln, tmp_path: Path) -> None:
    """Fetched by us at its commit, from a host on loopback; built in the sandbox, and importable."""
    package = {
        "pyproject.toml": '[project]\nname = "kilnwords"\nversion = "0.3"\n[build-system]\n'
        'requires = ["setuptools>=70"]\nbuild-backend = "setuptools.build_meta"\n',
        "kilnwords.py": "WORD = 'fired'\n",
    }
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "words.git", package)
        asking = {"requirements.txt": f"kilnwords @ git+{server.url('words.git')}@main\n"}
        make_repository(server.root / "asking.git", asking)
        done = await hubkiln(
            "run", server.url("asking.git"), "--", "python", "-c", "import kilnwords; print(kilnwords.WORD)"
        )
    assert done.code == 0, done.output
    assert "fired" in done.output.splitlines()
