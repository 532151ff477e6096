"""The base image for real: built from Debian packages, run by Podman. Built once and kept."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from kept_base import kept_base, needs_base
from tiny_image import run_argv, sh

from hubkiln.composer.bases.pythons import read_pythons
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.conventions import LABEL_GLIBC, LABEL_PYTHONS
from hubkiln.images.layout import OciLayout

pytestmark = [
    pytest.mark.podman,
    pytest.mark.network,
    pytest.mark.timeout(900),
    needs_base,
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
]


@pytest.fixture(scope="session")
def layout() -> OciLayout:
    """A base image with one further Python, if this machine has one."""
    return kept_base()


@pytest.fixture(scope="session")
def config(layout: OciLayout) -> dict[str, dict[str, object]]:
    """The image's configuration."""
    found = layout.find("base:bookworm")
    assert found is not None
    return json.loads(layout.read(json.loads(layout.read(found.digest))["config"]["digest"]))


@pytest.fixture(scope="session")
def podman(podman: EngineCommand, layout: OciLayout, tmp_path_factory: pytest.TempPathFactory) -> EngineCommand:
    """Podman that has the image, as `localhost/base`."""
    link = tmp_path_factory.mktemp("base") / "layout"
    link.symlink_to(layout.root)  # podman makes a name of the path, and some paths make none
    pulled = sh(*podman.base, "pull", "-q", f"oci:{link}:base:bookworm").strip()
    sh(*podman.base, "tag", pulled, "localhost/base")
    return podman


def run(podman: EngineCommand, *argv: str) -> str:
    return sh(*run_argv(podman, "localhost/base", *argv))


def test_every_python_it_names_runs(podman: EngineCommand, config: dict[str, dict[str, dict[str, str]]]) -> None:
    """With the modules that need libraries, the right version, and a standard library that is compiled."""
    pythons = read_pythons(config["config"]["Labels"][LABEL_PYTHONS])
    assert "3.11" in pythons
    code = (
        "import bz2, ctypes, curses, json, lzma, readline, sqlite3, ssl, uuid, zlib, sys, os;"
        "print(sys.version.split()[0], os.path.exists(json.__cached__))"
    )
    for python in pythons.values():
        assert run(podman, python.path, "-c", code) == f"{python.version} True\n"


def test_every_python_makes_environments(podman: EngineCommand, config: dict[str, dict[str, dict[str, str]]]) -> None:
    """A venv with pip in it, made by the user."""
    for python in read_pythons(config["config"]["Labels"][LABEL_PYTHONS]).values():
        script = f"cd && {python.path} -m venv v && v/bin/pip --version"
        assert f"(python {python.minor})" in run(podman, "sh", "-c", script)


def test_the_systems_compiled_python_is_used(podman: EngineCommand) -> None:
    """Nothing of the standard library is compiled anew at each start."""
    script = "python3 -v -c 'import json, asyncio' 2>&1 | grep -c 'code object from /.*py$' || true"
    assert run(podman, "bash", "-c", script).strip() == "0"


def test_the_user_owns_what_is_theirs(podman: EngineCommand) -> None:
    """jovyan, 1000, in a home of their own, with a prefix to write to, and no way to become root."""
    assert run(podman, "id") == "uid=1000(jovyan) gid=1000(jovyan) groups=1000(jovyan)\n"
    run(podman, "touch", "/home/jovyan/x", "/srv/conda/envs/notebook/x", "/srv/repo/x")
    assert run(podman, "sh", "-c", "find / -xdev -type f -perm /6000 2>/dev/null || true") == ""


def test_a_login_shell_finds_the_environment(podman: EngineCommand) -> None:
    """JupyterLab's terminals are login shells, and Debian's profile would forget the path."""
    assert ":/srv/conda/envs/notebook/bin:" in run(podman, "bash", "-lc", "echo $PATH")


def test_the_start_script_goes_first(podman: EngineCommand) -> None:
    """`R2D_ENTRYPOINT` gets the command, as in repo2docker's images."""
    argv = run_argv(podman, "localhost/base", "a b", "c")
    argv[argv.index("--rm") : argv.index("--rm")] = ["--env", "R2D_ENTRYPOINT=/bin/echo"]
    assert sh(*argv) == "a b c\n"


def test_the_exit_code_is_the_programs(podman: EngineCommand) -> None:
    """Nothing in between swallows it."""
    ended = subprocess.run(run_argv(podman, "localhost/base", "sh", "-c", "exit 7"), check=False, capture_output=True)
    assert ended.returncode == 7


def test_nothing_of_this_machine_is_in_it(podman: EngineCommand, config: dict[str, dict[str, dict[str, str]]]) -> None:
    """No mirror, no name server, no machine id; the C library's version is on the label."""
    assert config["config"]["Labels"][LABEL_GLIBC] == "2.36"
    assert "deb http://deb.debian.org/debian bookworm main" in run(podman, "cat", "/etc/apt/sources.list")
    assert run(podman, "find", "/var/log", "/var/lib/apt/lists", "-type", "f", "-size", "+0") == ""
