"""``conda`` in a ``postBuild``, with the real rattler, uv and sandbox: what it installs is in the environment."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(900)]

TOOL = Package(
    name="tool",
    version="2.0",
    depends=("python", "base-lib >=1"),
    files=(
        File(
            path="bin/tool", data=f"#!{PLACEHOLDER}/bin/python\nprint('tool 2.0')\n".encode(), mode=0o755, prefix="text"
        ),
    ),
)
LIBRARY = Package(name="base-lib", version="1.5", files=(File(path="share/base-lib", data=b"1.5"),))
OTHERS = [noarch_python("helper", version) for version in ("1.0", "2.0")]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a host of channels on loopback: conda-forge with a Python that runs, and another."""
    folder = tmp_path_factory.mktemp("conda")
    pythons = [python_package(one) for one in (None, old_one()) if one is None or one]
    write_channel(folder / "conda-forge", *pythons, TOOL, LIBRARY, *OTHERS)
    write_channel(folder / "other", noarch_python("extra", "1.0"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def folder_with(root: Path, **files: str) -> Path:
    """A repository; ``__`` in a name is a dot."""
    root.mkdir()
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)
    return root


SCRIPT = """\
#!/bin/bash
set -e
conda config --add channels conda-forge
conda install --yes --quiet tool "helper<2"
tool
mamba env update -n notebook --file more.yml
conda install -y six
conda list | grep '^base-lib'
conda run -n base python -c 'import extra'
conda clean -tipy
! conda install -y 'helper>=2' 2>refused.txt 9>&-
! conda create -n other python=2.7 2>>refused.txt 9>&-
"""
SHOW = "import extra, helper, humanize, json, os, six, subprocess; print(json.dumps([" + ", ".join(
    (
        "__import__('importlib.metadata').metadata.version('helper')",
        "subprocess.run(['tool'], capture_output=True, text=True).stdout",
        "open('/srv/conda/envs/notebook/share/base-lib').read()",
        "open('refused.txt').read()",
        "__import__('shutil').which('conda')",
    )
)


def test_what_a_script_installs_is_in_the_environment(tmp_path: Path, mirror: str, stacked: Path) -> None:
    """
    From a list of pip's alone Python is conda's, as in repo2docker's images; what is there stays; what is not known,
    or would change what is there, is refused by name; the command itself is gone when the script has ended.
    """
    repository = folder_with(
        tmp_path / "repo",
        requirements__txt="humanize\nsix==1.16.0\n",
        postBuild=SCRIPT,
        more__yml="channels: [other]\ndependencies:\n- extra\n- pip:\n  - pyjokes==0.6.0\n",
    )
    env = {"HUBKILN_CONDA_HOST": mirror}
    code = f"{SHOW}, __import__('importlib.metadata').metadata.version('pyjokes')]))"
    ran = hubkiln("run", str(repository), "--", "python", "-c", code, data=stacked, env=env, seconds=500)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    helper, tool, library, refused, command, jokes = json.loads(ran.stdout.splitlines()[-1])
    assert (helper, tool, library, command, jokes) == ("1.0", "tool 2.0\n", "1.5", None, "0.6.0")
    assert "`helper>=2` cannot be had" in refused and "`conda create` is not known here" in refused
    assert "six 1.16.0 is there already, from PyPI." in ran.stderr


def test_what_cannot_be_installed_ends_the_build(tmp_path: Path, mirror: str, stacked: Path) -> None:
    """A channel that the admin does not allow, in the script's own words."""
    repository = folder_with(
        tmp_path / "repo",
        environment__yml="dependencies: [python, base-lib]\n",
        postBuild="#!/bin/bash\nset -e\nconda install -y -c other extra\n",
    )
    env = {"HUBKILN_CONDA_HOST": mirror, "HUBKILN_CONDA_CHANNELS": "conda-forge"}
    error = said(hubkiln("build", str(repository), data=stacked, env=env, seconds=500))
    assert "`other`" in error and "not allowed" in error


def test_a_kernel_of_an_old_python_gets_what_is_installed(tmp_path: Path, mirror: str, stacked: Path) -> None:
    """Beside the server, where notebooks are: conda's Python and what the script adds to it."""
    if (old := old_one()) is None:
        pytest.skip("this machine has no Python from 3.5 to 3.9 to make a conda package of")
    repository = folder_with(
        tmp_path / "repo",
        requirements__txt="six==1.16.0\n",
        runtime__txt=f"python-{old.minor}\n",
        postBuild="#!/bin/bash\nset -e\nconda install -y tool six\n",
    )
    code = "import platform, six, subprocess, sys; print(sys.prefix, platform.python_version(), six.__version__)"
    script = f"python -c '{code}' && which tool && tool"
    env = {"HUBKILN_CONDA_HOST": mirror}
    ran = hubkiln("run", str(repository), "--", "sh", "-c", script, data=stacked, env=env, seconds=500)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    kernel = "/srv/conda/envs/notebook/kernel"
    assert ran.stdout.splitlines()[-3:] == [f"{kernel} {old.version} 1.16.0", f"{kernel}/bin/tool", "tool 2.0"]


@pytest.mark.skipif("HUBKILN_TEST_LONG" not in os.environ, reason="takes minutes: set $HUBKILN_TEST_LONG")
@pytest.mark.registry
@pytest.mark.podman
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
@needs_base
def test_a_pushed_image_has_what_was_installed(tmp_path: Path, mirror: str, based: Path, podman: EngineCommand) -> None:
    """In the layer of its `postBuild`, over conda's Python and wheels; the command itself is not in it."""
    repository = folder_with(
        tmp_path / "repo", requirements__txt="six==1.16.0\n", postBuild="#!/bin/bash\nset -e\nmamba install -yq tool\n"
    )
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/condas:one"
        env = {"HUBKILN_CONDA_HOST": mirror}
        pushed = hubkiln("build", str(repository), "--push", target, data=based, env=env, seconds=500)
        assert pushed.returncode == 0, pushed.stderr
        sh(*podman.base, "pull", "-q", "--tls-verify=false", target)
        script = "tool; cat /srv/conda/envs/notebook/share/base-lib; which mamba || echo ' none'"
        assert sh(*run_argv(podman, target, "sh", "-c", script)).split() == ["tool", "2.0", "1.5", "none"]
