"""Images with steps in them, pushed to a real registry and run by podman: the same as on this machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_base import needs_base
from tiny_image import run_argv, sh

from hubkiln import processes
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.podman,
    pytest.mark.registry,
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
    needs_base,
]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.parametrize("name", ["apt", "post-build", "local-package"])
async def test_an_example_runs_in_podman(
    name: str, based: Path, registry: DockerRegistry, podman: EngineCommand
) -> None:
    """Its `verify` finds everything: Debian packages, files in the repository, the environment and the home."""
    reference = f"{registry.host}/kiln/{name}:test"
    env = processes.clean_environment(HOME=str(Path.home()), HUBKILN_DATA_DIR=str(based))
    words = [sys.executable, "-m", "hubkiln", "build", EXAMPLES / name, "--push", reference]
    done = await processes.run(words, env=env, seconds=500)
    assert done.code == 0, done.output
    sh(*podman.base, "pull", "--quiet", "--tls-verify=false", reference)
    seen = sh(
        *run_argv(podman, reference, "sh", "-c", "./verify; id -u; touch ~/x /srv/repo/x; stat -c %U /srv/repo ~")
    )
    assert f"{name}: ok" in seen
    assert seen.split()[-3:] == ["1000", "jovyan", "jovyan"]


async def test_what_post_build_left_in_the_home_comes_into_a_volume(
    based: Path, registry: DockerRegistry, podman: EngineCommand, home: Path
) -> None:
    """Beside the repository's files, at every start; what the user has there already is never replaced."""
    reference = f"{registry.host}/kiln/home:test"
    env = processes.clean_environment(HOME=str(Path.home()), HUBKILN_DATA_DIR=str(based))
    words = [sys.executable, "-m", "hubkiln", "build", EXAMPLES / "post-build", "--push", reference]
    done = await processes.run(words, env=env, seconds=500)
    assert done.code == 0, done.output
    sh(*podman.base, "pull", "--quiet", "--tls-verify=false", reference)
    look = "pwd; ./verify; stat -c %u ~/.config/kiln/settings.toml; echo mine > ~/.config/kiln/settings.toml"
    first = sh(*run_argv(podman, reference, "sh", "-c", look, home=home)).splitlines()
    assert first[-3:] == ["/home/jovyan/post-build", "post-build: ok, 1,000,000", "1000"]
    again = sh(*run_argv(podman, reference, "cat", "data/squares.txt", home=home))
    assert "mine" in (home / ".config/kiln/settings.toml").read_text()
    assert again.endswith("81\n")
