"""From an ``environment.yml`` with conda packages to a server that runs, with the real rattler, uv and sandbox."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from collecting_yard import pass_hours
from conda_channel import PLACEHOLDER, File, Package, noarch_python, write_channel
from conda_python import python_package
from kept_base import needs_base
from newcomer import hubkiln, said
from tiny_image import run_argv, sh

from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.data_dir import DataDir
from hubkiln.storage import Storage
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.testing.docker_registry import installed as registry_installed

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(900)]

TOOL = Package(
    name="tool",
    version="2.0",
    depends=("python",),
    files=(
        File(
            path="bin/tool", data=f"#!{PLACEHOLDER}/bin/python\nprint('tool 2.0')\n".encode(), mode=0o755, prefix="text"
        ),
        File(
            path="bin/.tool-post-link.sh", data=b'echo "$PKG_NAME $PKG_VERSION" > "$PREFIX/share/linked"\n', mode=0o755
        ),
        File(path="share/tool", data=b"data"),
        File(path="etc/conda/activate.d/tool.sh", data=b'export TOOL_DATA="$CONDA_PREFIX/share"\n'),
    ),
)
# a version that the package index does not have: it is conda's, whatever the index says
FQDN = noarch_python("fqdn", "999.1")
HELPER = noarch_python("helper", "1.0")

YAML = """\
name: any
channels: [{url}]
dependencies:
  - tool
  - helper
  - fqdn
  - pip:
    - humanize==4.9.0
variables:
  FROM_RECIPE: set
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A channel with a Python that runs."""
    return write_channel(tmp_path_factory.mktemp("conda") / "channel", python_package(), TOOL, FQDN, HELPER)


@pytest.fixture
def repository(tmp_path: Path, channel: str) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "environment.yml").write_text(YAML.format(url=channel))
    (folder / "show.py").write_text(SHOW)
    return folder


SHOW = """\
import importlib.metadata, json, os, subprocess, sys
import helper, humanize
names = "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "TOOL_DATA", "FROM_RECIPE"
print(json.dumps({
    "python": sys.executable,
    "prefix": sys.prefix,
    "humanize": importlib.metadata.version("humanize"),
    "fqdn": importlib.metadata.version("fqdn"),
    "fqdn folders": [name for name in os.listdir(os.path.dirname(humanize.__path__[0])) if name.startswith("fqdn-")],
    "tool": subprocess.run(["tool"], capture_output=True, text=True).stdout,
    "linked": open(sys.prefix + "/share/linked").read(),
    "compiled": os.path.exists(helper.__cached__),
    **{name: os.environ.get(name) for name in names},
}))
"""


def test_a_conda_environment_runs(repository: Path, channel: str, stacked: Path) -> None:
    """
    Conda's Python runs the server and the repository's code; wheels lie on top; what conda brought is left alone;
    post-link and activation scripts have done their work.
    """
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    built = hubkiln("build", "--json", str(repository), data=stacked, env=env)
    assert built.returncode == 0, built.stderr
    result = json.loads(built.stdout.splitlines()[-1])
    assert result["plan"] == "compose"
    ran = hubkiln("run", str(repository), "--", "python", "show.py", data=stacked, env=env)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    prefix = "/srv/conda/envs/notebook"
    assert found["prefix"] == prefix
    assert found["python"].startswith(f"{prefix}/bin/python")
    assert found["humanize"] == "4.9.0"
    assert found["fqdn"] == "999.1"
    assert found["fqdn folders"] == ["fqdn-999.1.dist-info"]
    assert found["tool"] == "tool 2.0\n"
    assert found["linked"] == "tool 2.0\n"
    assert found["compiled"]
    assert (found["CONDA_PREFIX"], found["CONDA_DEFAULT_ENV"], found["VIRTUAL_ENV"]) == (prefix, "notebook", None)
    assert found["TOOL_DATA"] == f"{prefix}/share"
    assert found["FROM_RECIPE"] == "set"
    again = json.loads(hubkiln("build", "--json", str(repository), data=stacked, env=env).stdout.splitlines()[-1])
    assert again["reused"]
    assert again["lock_digest"] == result["lock_digest"]
    assert again["image"] == result["image"]


def test_what_conda_brought_is_marked_and_comes_again(repository: Path, channel: str, stacked: Path) -> None:
    """Used as long as its environment is asked for; taken away, it is placed again, and the image is the same."""
    env = {"HUBKILN_CONDA_CHANNELS": channel}

    def build() -> str:
        done = hubkiln("build", "--json", str(repository), data=stacked, env=env)
        assert done.returncode == 0, done.stderr
        image: str = json.loads(done.stdout.splitlines()[-1])["image"]
        return image

    image = build()
    stores = {store.name: store for store in Storage(DataDir(stacked)).stores()}
    conda = [thing.key for thing in stores["trees"].things() if thing.key.startswith("conda-")]
    pass_hours(DataDir(stacked))
    before = time.time()
    assert build() == image
    used = [thing for thing in stores["environments"].things() if thing.used > before - 60]
    needed = {ref.key for thing in used for ref in stores["environments"].needs(thing.key)}
    (mine,) = needed & set(conda)
    for thing in used:
        stores["environments"].drop(thing.key)
    stores["trees"].drop(mine)
    assert build() == image and stores["trees"].used(mine)


def test_pip_cannot_change_what_conda_brought(repository: Path, channel: str, stacked: Path) -> None:
    """Two versions of a package in one environment work for nobody; the conflict is named."""
    recipe = repository / "environment.yml"
    recipe.write_text(recipe.read_text().replace("humanize==4.9.0", "fqdn==1.5.1"))
    error = said(hubkiln("build", str(repository), data=stacked, env={"HUBKILN_CONDA_CHANNELS": channel}))
    assert "fqdn" in error


def test_sources_are_built_with_condas_python(repository: Path, channel: str, stacked: Path) -> None:
    """A package of the repository's own, named in the `pip:` section."""
    recipe = repository / "environment.yml"
    recipe.write_text(recipe.read_text().replace("humanize==4.9.0", "./own"))
    (repository / "own").mkdir()
    (repository / "own/setup.py").write_text(OWN)
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    code = "import own; print(own.BUILT_BY)"
    ran = hubkiln("run", str(repository), "--", "python", "-c", code, data=stacked, env=env)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "/srv/conda/envs/notebook"


OWN = """\
import sys
import setuptools
open("own.py", "w").write(f"BUILT_BY = {sys._base_executable.partition('/bin/')[0]!r}\\n")
setuptools.setup(name="own", version="1.0", py_modules=["own"])
"""


def test_a_channel_that_is_not_allowed_is_refused(repository: Path, stacked: Path) -> None:
    """Nothing is fetched from it."""
    error = said(hubkiln("build", str(repository), data=stacked))
    assert "is not allowed here" in error


@pytest.mark.registry
@pytest.mark.podman
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
@needs_base
def test_a_pushed_conda_image_runs_in_podman(
    tmp_path: Path, repository: Path, channel: str, based: Path, podman: EngineCommand
) -> None:
    """Layers of conda packages below those of wheels: the same environment as on this machine, started the same way."""
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/conda:one"
        pushed = hubkiln("build", "--json", str(repository), "--push", target, data=based, env=env, seconds=500)
        assert pushed.returncode == 0, pushed.stderr
        sh(*podman.base, "pull", "-q", "--tls-verify=false", target)
        found = json.loads(sh(*run_argv(podman, target, "python", "show.py")).splitlines()[-1])
        version = sh(*run_argv(podman, target, "jupyterhub-singleuser", "--version"))
    assert found["prefix"] == "/srv/conda/envs/notebook"
    assert (found["fqdn"], found["humanize"]) == ("999.1", "4.9.0")
    assert (found["tool"], found["linked"]) == ("tool 2.0\n", "tool 2.0\n")
    assert found["compiled"]
    assert (found["CONDA_PREFIX"], found["VIRTUAL_ENV"]) == ("/srv/conda/envs/notebook", None)
    assert (found["TOOL_DATA"], found["FROM_RECIPE"]) == ("/srv/conda/envs/notebook/share", "set")
    assert version[0].isdigit()
