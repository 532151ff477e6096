"""An ``environment.yml`` with a Python that is too old for the server: conda's is a kernel beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conda_channel import PLACEHOLDER, File, Package, noarch_python, write_channel
from conda_python import old_one, python_package
from kept_base import needs_base
from newcomer import hubkiln, said
from tiny_image import run_argv, sh

from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.testing.docker_registry import installed as registry_installed
from hubkiln.values import Interpreter

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(900)]

KERNEL = "/srv/conda/envs/notebook/kernel"

TOOL = Package(
    name="tool",
    version="2.0",
    depends=("python",),
    files=(
        File(
            path="bin/tool", data=f"#!{PLACEHOLDER}/bin/python\nprint('tool 2.0')\n".encode(), mode=0o755, prefix="text"
        ),
        File(path="bin/.tool-post-link.sh", data=b'echo "$PKG_NAME $PREFIX" > "$PREFIX/share/linked"\n', mode=0o755),
        File(path="share/tool", data=b"data"),
        File(path="share/jupyter/kernels/other/kernel.json", data=b'{"argv": ["tool"], "display_name": "Other"}'),
        File(path="etc/conda/activate.d/tool.sh", data=b'export TOOL_DATA="$CONDA_PREFIX/share"\n'),
    ),
)
BROKEN = Package(
    name="broken", version="1.0", files=(File(path="etc/conda/activate.d/broken.sh", data=b"echo not today; exit 7\n"),)
)
HELPER = noarch_python("helper", "1.0", depends=("python >=3.5",))
OLD_LAB = noarch_python("jupyterlab", "1.2.0", depends=("python >=3.5",))
"""What conda brings for the kernel is no server."""

YAML = """\
channels: [{url}]
dependencies:
  - python={minor}
  - tool
  - helper
  - jupyterlab=1
  - pip:
    - idna==3.4
    - ./own
"""

OWN = """\
import sys
import setuptools
open("own.py", "w").write("BUILT_BY = %r\\n" % sys.version[:3])
setuptools.setup(name="own", version="1.0", py_modules=["own"])
"""

POST_BUILD = """\
#!/bin/bash
set -e
tool > posted
python -c 'import sys; print(sys.prefix)' >> posted
"""

TELL = """\
import helper, idna, json, os, own, shutil, subprocess, sys
names = "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "TOOL_DATA"
told = {
    "python": "%d.%d" % sys.version_info[:2],
    "prefix": sys.prefix,
    "own": own.BUILT_BY,
    "posted": open("/srv/repo/posted").read(),
    "places": [os.path.dirname(os.path.dirname(one.__file__)) for one in (helper, idna)],
    "tool": subprocess.check_output(["tool"]).decode(),
    "linked": open(sys.prefix + "/share/linked").read(),
    "helper": shutil.which("helper"),
    "lab": os.path.realpath(shutil.which("jupyter-lab")),
    **{name: os.environ.get(name) for name in names},
}
open("/tmp/told", "w").write(json.dumps(told))
"""

CELL = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": TELL}
NOTEBOOK = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}

SCRIPT = """\
set -e
python tell.py
cat /tmp/told; echo
rm /tmp/told
"$NB_PYTHON_PREFIX/bin/jupyter" execute --kernel_name=python3 tell.ipynb > /tmp/log 2>&1 || cat /tmp/log
cat /tmp/told; echo
"$NB_PYTHON_PREFIX/bin/jupyter" kernelspec list --json 2> /dev/null | tr -d '\\n'; echo
jupyterhub-singleuser --version
"""


@pytest.fixture(scope="module")
def old() -> Interpreter:
    """What conda's Python is made of."""
    found = old_one()
    if found is None:
        pytest.skip("this machine has no Python from 3.5 to 3.9 to make a conda package of")
    return found


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory, old: Interpreter) -> str:
    """A channel with an old Python that runs."""
    folder = tmp_path_factory.mktemp("conda") / "channel"
    return write_channel(folder, python_package(old), TOOL, BROKEN, HELPER, OLD_LAB)


@pytest.fixture
def repository(tmp_path: Path, channel: str, old: Interpreter) -> Path:
    """One that asks for the old Python, a package of conda's and one of pip's."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "environment.yml").write_text(YAML.format(url=channel, minor=old.minor))
    (folder / "own").mkdir()
    (folder / "own/setup.py").write_text(OWN)
    (folder / "postBuild").write_text(POST_BUILD)
    (folder / "tell.py").write_text(TELL)
    (folder / "tell.ipynb").write_text(json.dumps(NOTEBOOK))
    return folder


def as_asked(output: str, old: Interpreter) -> None:
    """A command and a notebook were told the same, and the server is another's."""
    command, notebook, kernels, version = output.splitlines()[-4:]
    found = json.loads(command)
    assert found == json.loads(notebook)
    assert (found["python"], found["prefix"]) == (old.minor, KERNEL)
    assert found["places"] == [f"{KERNEL}/lib/python{old.minor}/site-packages"] * 2
    assert (found["own"], found["posted"]) == (old.minor, f"tool 2.0\n{KERNEL}\n")
    assert (found["tool"], found["helper"]) == ("tool 2.0\n", f"{KERNEL}/bin/helper")
    assert found["linked"] == f"tool {KERNEL}\n"
    assert found["lab"] == "/srv/conda/envs/notebook/bin/jupyter-lab"
    assert (found["CONDA_PREFIX"], found["CONDA_DEFAULT_ENV"], found["VIRTUAL_ENV"]) == (KERNEL, "kernel", None)
    assert found["TOOL_DATA"] == f"{KERNEL}/share"
    specs = json.loads(kernels)["kernelspecs"]
    assert sorted(specs) == ["other", "python3"]
    assert specs["python3"]["spec"]["display_name"] == f"Python {old.minor}"
    assert int(version.partition(".")[0]) >= 5


def test_an_old_python_from_conda_is_a_kernel(repository: Path, channel: str, old: Interpreter, stacked: Path) -> None:
    """
    Commands and notebooks have conda's Python and packages, wheels over them, activated and linked; the server is
    today's. The same lock gives the same environment again, and tells the kernel's packages.
    """
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    built = hubkiln("build", "--json", repository, data=stacked, env=env)
    assert built.returncode == 0, built.stderr
    result = json.loads(built.stdout.splitlines()[-1])
    assert result["plan"] == "run-steps"
    ran = hubkiln("run", repository, "--", "sh", "-c", SCRIPT, data=stacked, env=env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    as_asked(ran.stdout, old)
    again = json.loads(hubkiln("build", "--json", repository, data=stacked, env=env).stdout.splitlines()[-1])
    assert again["reused"]
    assert (again["lock_digest"], again["image"]) == (result["lock_digest"], result["image"])
    bill = hubkiln("env", "export", result["image"], "--format", "sbom", data=stacked, env=env)
    assert bill.returncode == 0, bill.stderr
    names = {one["bom-ref"] for one in json.loads(bill.stdout)["components"]}
    assert {"kernel pkg:pypi/idna@3.4", "kernel pkg:conda/tool@2.0?build=0&subdir=linux-64"} <= names


@pytest.mark.skipif("HUBKILN_TEST_LONG" not in os.environ, reason="takes minutes: set $HUBKILN_TEST_LONG")
@pytest.mark.registry
@pytest.mark.podman
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
@needs_base
def test_a_pushed_image_has_the_same_kernel(
    tmp_path: Path, repository: Path, channel: str, old: Interpreter, based: Path, podman: EngineCommand
) -> None:
    """
    Layers of conda packages for the kernel's prefix, wheels over them, and the server's. An activation script that lets
    no server start is met before the image is named.
    """
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/kernel:one"
        pushed = hubkiln("build", "--json", repository, "--push", target, data=based, env=env, seconds=500)
        assert pushed.returncode == 0, pushed.stderr
        sh(*podman.base, "pull", "-q", "--tls-verify=false", target)
        as_asked(sh(*run_argv(podman, target, "sh", "-c", SCRIPT)), old)
        recipe = repository / "environment.yml"
        recipe.write_text(recipe.read_text().replace("- tool", "- tool\n  - broken"))
        refused = hubkiln("build", repository, "--push", f"{target}-broken", data=based, env=env, seconds=300)
        assert "not today" in said(refused)
