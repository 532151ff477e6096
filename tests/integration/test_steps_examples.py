"""The examples that need run steps, as a user runs them: built by the command line, checked by their own ``verify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from kept_base import needs_base

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


@pytest.mark.parametrize("name", ["sdist", "local-package", "post-build"])
async def test_an_example_runs(hubkiln: Hubkiln, name: str) -> None:
    """Built, and run twice: the second time everything is there."""
    done = await hubkiln("run", EXAMPLES / name, "--", "./verify")
    assert done.code == 0, done.output
    assert f"{name}: ok" in done.output
    built = await hubkiln("build", EXAMPLES / name, "--json")
    told = json.loads(built.output.strip().splitlines()[-1])
    assert told["reused"] is True, built.output
    assert told["seconds"]["building"] < 5


async def test_debian_packages_need_a_base_image(hubkiln: Hubkiln, tmp_path: Path) -> None:
    """Without one the command that makes it is named."""
    refused = await hubkiln("build", EXAMPLES / "apt", data=tmp_path / "data")
    assert refused.code != 0
    assert "hubkiln base build" in refused.output


@needs_base
async def test_debian_packages_in_an_example(hubkiln: Hubkiln, based: Path) -> None:
    """Over a base image it is built and runs."""
    done = await hubkiln("run", EXAMPLES / "apt", "--", "./verify")
    assert done.code == 0, done.output
    assert "apt: ok" in done.output


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


async def test_a_setup_py_writes_nothing_outside(hubkiln: Hubkiln, tmp_path: Path) -> None:
    """The proof that nothing of a repository runs outside its sandbox: its marker never appears."""
    marker = tmp_path / "marker"
    tmp_path.chmod(0o777)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "setup.py").write_text(
        f"import os\nos.system('touch {marker} /var/tmp/{marker.name}-hubkiln')\n"
        "from setuptools import setup\nsetup(name='marks', version='1', py_modules=['marks'])\n"
    )
    (repository / "marks.py").write_text("MARK = 1\n")
    (repository / "postBuild").write_text(f"#!/bin/sh\ntouch {marker}\ntrue\n")
    done = await hubkiln("run", repository, "--", "python", "-c", "import marks; print('marks', marks.MARK)")
    assert "marks 1" in done.output, done.output
    assert not marker.exists()
    assert not Path(f"/var/tmp/{marker.name}-hubkiln").exists()
    assert sorted(path.name for path in repository.iterdir()) == ["marks.py", "postBuild", "setup.py"]
