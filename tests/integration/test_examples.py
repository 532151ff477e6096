"""The example repositories, as repo2docker runs its own: built by the command line, checked by their ``verify``."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import PLACEHOLDER, File, Package, write_channel
from conda_python import python_package
from kept_base import needs_base
from newcomer import hubkiln
from tiny_image import run_argv, sh

from example_folders import find, names
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.testing.docker_registry import installed as registry_installed

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(900)]

OURS = Path(__file__).parents[2] / "examples"
"""Those for people; the others are for tests. `requirements` is the acceptance test's, some others run elsewhere."""


def verify(folder: Path, data: Path, path: str, **env: str) -> None:
    """Build the repository in `folder`, which must take the path `path`, and run its ``verify``."""
    ran = hubkiln("run", folder, "--", "./verify", data=data, env=env, seconds=500)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert re.search(rf"^Plan: {path}\b", ran.stderr, re.MULTILINE), ran.stderr


@pytest.mark.parametrize("name", names(""))
def test_an_example(name: str, stacked: Path) -> None:
    """Everything that its ``verify`` looks for is there."""
    verify(find(name).folder, stacked, find(name).path)


def test_notebooks_alone(stacked: Path) -> None:
    """A repository without a recipe, whose notebook runs."""
    verify(OURS / "notebooks-only", stacked, "compose")


@needs_base
@pytest.mark.parametrize("name", names("base image"))
def test_an_example_with_debian_packages(name: str, based: Path) -> None:
    """The same over a base image."""
    verify(find(name).folder, based, find(name).path)


WRITTEN = {
    "runtime.txt": "python-{minor}\n",
    "environment.yml": "dependencies: [python={minor}, pip: [inflection==0.5.1]]\n",
    "Pipfile": '[packages]\ninflection = "==0.5.1"\n[requires]\npython_version = "{minor}"\n',
}


@pytest.fixture(scope="module")
def minor() -> str:
    """A Python other than the usual: 3.12 where it is found, else the newest."""
    pythons = asyncio.run(find_interpreters())
    others = sorted({python.minor for python in pythons[1:]} - {pythons[0].minor}, key=lambda one: int(one[2:]))
    if not others:
        pytest.skip("this machine has one Python")
    return "3.12" if "3.12" in others else others[-1]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_python_is_named(name: str, minor: str, stacked: Path, tmp_path: Path) -> None:
    """Whichever file names it, that Python runs; the user's own folder stays as it was."""
    (tmp_path / name).write_text(WRITTEN[name].format(minor=minor))
    (tmp_path / "verify").write_text(f'#!/bin/sh\npython -V | grep -F "Python {minor}." && jupyter lab --version\n')
    (tmp_path / "verify").chmod(0o755)
    verify(tmp_path, stacked, "compose")
    assert {path.name for path in tmp_path.iterdir()} == {name, "verify"}


def tool(version: str) -> Package:
    """A command that says its version, with a variable that is set when the environment is activated."""
    says = f"#!{PLACEHOLDER}/bin/python\nprint('kiln-tool {version}')\n"
    return Package(
        name="kiln-tool",
        version=version,
        depends=("python",),
        files=(
            File(path="bin/kiln-tool", data=says.encode(), mode=0o755, prefix="text"),
            File(path="etc/conda/activate.d/kiln.sh", data=b'export KILN_TOOL_DATA="$CONDA_PREFIX/share"\n'),
        ),
    )


@pytest.fixture(scope="module")
def conda_host(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the channel ``kiln-forge`` is: with a Python that runs, and two versions of a tool."""
    host = tmp_path_factory.mktemp("conda")
    host.chmod(0o755)  # where we are root, nobody solves
    write_channel(host / "kiln-forge", python_package(), tool("2.0"), tool("2.1"))
    return host.as_uri()


@pytest.mark.parametrize("name", names("channel"))
def test_an_example_with_conda_packages(name: str, stacked: Path, conda_host: str) -> None:
    """With a channel of ours in conda-forge's place."""
    pytest.importorskip("rattler")
    verify(find(name).folder, stacked, find(name).path, HUBKILN_CONDA_HOST=conda_host)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.podman
@pytest.mark.registry
@needs_base
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
@pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")
@pytest.mark.parametrize("name", ["base/environment", "venv/start", "content/files", "content/names", *names("image")])
def test_an_example_as_an_image(name: str, based: Path, registry: DockerRegistry, podman: EngineCommand) -> None:
    """Pushed, and run by Podman: variables, start script and files are the sandbox's."""
    reference = f"{registry.host}/kiln/{name}:test"
    pushed = hubkiln("build", find(name).folder, "--push", reference, data=based, seconds=500)
    assert pushed.returncode == 0, pushed.stderr
    sh(*podman.base, "pull", "--quiet", "--tls-verify=false", reference)
    sh(*run_argv(podman, reference, "./verify"))
