"""`hubkiln build --push` for real: Debian's registry, Podman, skopeo, packages of the index, a base image of ours."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kept_base import give_base, kept_base, needs_base
from newcomer import hubkiln, said, settled, unfinished
from tiny_image import run_argv, sh

from hubkiln.composer.bases.bases import read_parent
from hubkiln.composer.bases.further import labels_of
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.conventions import LABEL_PYTHONS
from hubkiln.packages.interpreters import find_interpreters, find_kernels
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.registry,
    pytest.mark.podman,
    pytest.mark.network,
    pytest.mark.sandbox,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    needs_base,
]

needs_podman = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


@pytest.fixture
def data(based: Path) -> Path:
    """A data folder with the Jupyter stack and a base image."""
    return based


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a requirement and a notebook."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "requirements.txt").write_text("numpy\n")
    commit(folder, "{}", first=True)
    return folder


def commit(folder: Path, notebook: str, *, first: bool = False) -> None:
    """Another commit, of another notebook."""
    (folder / "note.ipynb").write_text(notebook)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"] if first else ["status"], ["add", "."], ["commit", "-q", "-m", notebook]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)


def push(spec: str | Path, to: str, data: Path, *more: str) -> dict[str, Any]:
    """What a push prints."""
    done = hubkiln("build", spec, "--push", to, "--json", *more, data=data, seconds=600)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@needs_podman
def test_a_pushed_image_runs_in_podman(
    data: Path, registry: DockerRegistry, podman: EngineCommand, repository: Path
) -> None:
    """Its packages, the hub's server, its files and their history, as the user who owns them."""
    push(repository, f"{registry.host}/work:v1", data)
    image = f"{registry.host}/work:v1"
    sh(*podman.base, "pull", "-q", "--tls-verify=false", image)
    code = "import numpy, os; print(numpy.__name__, os.getcwd(), os.getuid())"
    assert sh(*run_argv(podman, image, "python", "-c", code)).split() == ["numpy", "/srv/repo", "1000"]
    assert sh(*run_argv(podman, image, "jupyterhub-singleuser", "--version")).strip()[0].isdigit()
    assert "No broken requirements" in sh(*run_argv(podman, image, "pip", "check"))
    script = "git status --porcelain; git rev-parse HEAD; touch new ~/new && echo writable"
    lines = sh(*run_argv(podman, image, "sh", "-c", script)).split()
    assert lines == [sh("git", "rev-parse", "HEAD", cwd=repository).strip(), "writable"]


def test_skopeo_reads_it(data: Path, registry: DockerRegistry, repository: Path) -> None:
    """The digest is the one that was printed; the labels say what is in it, and no commit that nobody could find."""
    built = push(repository, f"{registry.host}/read:v1", data)
    seen = json.loads(sh("skopeo", "inspect", "--tls-verify=false", f"docker://{registry.host}/read:v1"))
    assert built["image"] == f"{registry.host}/read@{seen['Digest']}"
    assert seen["Labels"]["repo2docker.repo"] == "local"
    assert seen["Labels"]["io.hubkiln.environment-key"] == built["environment_key"]
    assert "org.opencontainers.image.revision" not in seen["Labels"]
    assert len(seen["Layers"]) == built["layers"]["total"] <= 90


@needs_podman
def test_a_home_that_is_a_volume_gets_the_files(
    data: Path, registry: DockerRegistry, podman: EngineCommand, repository: Path, home: Path
) -> None:
    """As a hub with persistent homes mounts one; what the user changed stays."""
    push(repository, f"{registry.host}/home:v1", data)
    image = f"{registry.host}/home:v1"
    sh(*podman.base, "pull", "-q", "--tls-verify=false", image)
    argv = run_argv(podman, image, "sh", "-c", "pwd; echo mine >> note.ipynb", home=home)
    assert "/home/jovyan/work" in sh(*argv)
    assert "mine" in (home / "work/note.ipynb").read_text()
    sh(*argv)
    assert (home / "work/note.ipynb").read_text().count("mine") == 2


def test_a_notebook_pushes_next_to_nothing(data: Path, registry: DockerRegistry, repository: Path) -> None:
    """Two small blobs and a manifest: at most a hundredth of the image."""
    first = push(repository, f"{registry.host}/notes", data)
    raw = json.loads(sh("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{first['image']}"))
    size = sum(layer["size"] for layer in raw["layers"])
    commit(repository, '{"cells": []}')
    second = push(repository, f"{registry.host}/notes", data)
    assert second["reused"] and second["layers"]["uploaded"] == 2
    assert second["layers"]["bytes"] < size / 100


def test_what_is_there_is_found_without_loading_much(data: Path, registry: DockerRegistry, repository: Path) -> None:
    """What a build of nothing new imports is most of the time that it takes."""
    push(repository, f"{registry.host}/warm", data)
    words = ("build", repository, "--push", f"{registry.host}/warm")
    done = hubkiln(*words, data=data, env={"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    slow = {"sqlalchemy", "alembic", "fastapi", "pydantic", "jupyterhub", "rattler", "rich", "pygments", "yaml"}
    assert "pushed before" in done.stderr and "hubkiln.assembly" in loaded and not loaded & slow


def test_a_second_machine_gives_the_same_digest(
    data: Path, registry: DockerRegistry, tmp_path: Path, another: Path
) -> None:
    """
    It shares downloads with the first one (they are checked anyway) and nothing that was made of them; also with a
    Python that the base lacks, which is added to it as one layer.
    """
    one = push(another, f"{registry.host}/same", data)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(data / "wheels", other / "wheels", copy_function=os.link)
    give_base(other)
    with DockerRegistry(tmp_path / "registry") as empty:
        two = push(another, f"{empty.host}/same", other)
    assert one["image"].partition("@")[2] == two["image"].partition("@")[2]


@needs_podman
def test_jupyter_answers_in_a_python_that_the_base_lacks(
    data: Path, registry: DockerRegistry, podman: EngineCommand, another: Path
) -> None:
    """Pulled and started as it stands: its server takes requests, and what runs in it is the Python asked for."""
    if (minor := lacking()) is None:
        pytest.skip("this machine has no Python that the base image lacks")
    image = push(another, f"{registry.host}/same", data)["image"]
    sh(*podman.base, "pull", "-q", "--tls-verify=false", image)
    with started(podman, image) as inside:
        assert set(json.loads(inside(ASK))) >= {"started", "kernels"}
        assert inside("import ssl, sqlite3, jupyter_server, sys; print(sys.version)").startswith(f"{minor}.")


ASK = "import urllib.request as web; print(web.urlopen('http://127.0.0.1:8888/api/status?token=own').read().decode())"


@contextmanager
def started(podman: EngineCommand, image: str) -> Iterator[Callable[[str], str]]:
    """A container that does what `image` says once its server listens; what code for its Python prints there."""
    name = f"served-{os.getpid()}"
    argv = run_argv(podman, image)
    argv[argv.index("--rm") : argv.index("--rm")] = ["--name", name, "--env", "JUPYTER_TOKEN=own"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            while not (said and " is running at:" in said[-1]):
                said.append(process.stdout.readline())
                assert said[-1], "".join(said)
            yield lambda code: sh(*podman.base, "--runtime", "runc", "exec", name, "python", "-c", code)
        finally:
            subprocess.run([*podman.base, "rm", "--force", "--time", "0", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that asks for a Python that the base image lacks, where this machine has one."""
    folder, minor = tmp_path_factory.mktemp("another") / "work", lacking()
    folder.mkdir()
    asked = ("requirements.txt", "numpy\n") if minor is None else ("runtime.txt", f"python-{minor}\n")
    (folder / asked[0]).write_text(asked[1])
    commit(folder, "{}", first=True)
    return folder


def lacking() -> str | None:
    """A Python of this machine that the base image lacks."""
    layout = kept_base()
    found = layout.find("base:bookworm")
    assert found is not None
    there = labels_of(read_parent(layout, found.digest))[LABEL_PYTHONS]
    lacks = [one.minor for one in asyncio.run(find_interpreters()) if one.roots and f" {one.minor}." not in f" {there}"]
    return lacks[-1] if lacks else None


@needs_podman
@pytest.mark.timeout(1500)
def test_a_pushed_image_of_python_2_runs_in_podman(
    data: Path, registry: DockerRegistry, podman: EngineCommand, tmp_path: Path
) -> None:
    """Commands and notebooks run in 2.7 with the packages asked for, as the user; the server is today's."""
    if "2.7" not in {python.minor for python in asyncio.run(find_kernels())}:
        pytest.skip("this machine has no Python 2.7")
    if "HUBKILN_TEST_LONG" not in os.environ:
        pytest.skip("takes minutes: set $HUBKILN_TEST_LONG")
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six==1.16.0\n")
    (folder / "runtime.txt").write_text("python-2.7\n")
    commit(folder, TWO, first=True)
    image = f"{registry.host}/two:v1"
    push(folder, image, data)
    sh(*podman.base, "pull", "-q", "--tls-verify=false", image)
    code = "import os, platform, six; print platform.python_version(), six.__version__, os.getuid()"
    told = sh(*run_argv(podman, image, "python", "-c", code)).split()
    assert told[0].startswith("2.7.") and told[1:] == ["1.16.0", "1000"]
    script = "jupyter execute --kernel_name=python2 note.ipynb && cat /tmp/told && jupyterhub-singleuser --version"
    lines = sh(*run_argv(podman, image, "sh", "-c", script)).split()
    assert lines[0] == told[0] and lines[-1][0].isdigit()


TWO = json.dumps(
    {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": "import platform\nopen('/tmp/told', 'w').write(platform.python_version() + '\\n')",
            }
        ],
        "metadata": {"kernelspec": {"name": "python2", "display_name": "Python 2"}},
        "nbformat": 4,
        "nbformat_minor": 2,
    }
)
"""A notebook that tells its Python."""


def test_killed_at_any_time_it_ends_the_same(data: Path, tmp_path: Path, repository: Path) -> None:
    """No image before the end, nothing left running, and the next push gives the digest it would have given."""
    with DockerRegistry(tmp_path / "registry") as target:
        for seconds in (1.2, 1.8, 2.4, 3.0):
            with suppress(subprocess.TimeoutExpired):  # which kills it
                hubkiln("build", repository, "--push", f"{target.host}/killed", data=data, seconds=seconds)
        ended = push(repository, f"{target.host}/killed", data)
        with DockerRegistry(tmp_path / "other") as other:
            assert push(repository, f"{other.host}/killed", data)["image"].partition("@")[2] in ended["image"]
    assert settled(data) == [] and unfinished(data) == []


def test_a_registry_that_is_gone_is_said(data: Path, repository: Path) -> None:
    """Not a rebuild, and not a Python error."""
    done = hubkiln("build", repository, "--push", "127.0.0.1:1/gone", data=data)
    assert done.returncode == 3 and "127.0.0.1:1" in said(done)


def test_a_package_list_needs_no_repository(data: Path, registry: DockerRegistry) -> None:
    """And works in the home."""
    built = hubkiln("build", "--packages", "numpy", "--push", f"{registry.host}/list:v1", "--json", data=data)
    assert built.returncode == 0, built.stderr
    seen = json.loads(sh("skopeo", "inspect", "--config", "--tls-verify=false", f"docker://{registry.host}/list:v1"))
    assert seen["config"]["WorkingDir"] == "/home/jovyan"


def test_an_exported_lock_gives_the_same_digest(
    data: Path, registry: DockerRegistry, repository: Path, tmp_path: Path
) -> None:
    """Into an empty registry; and the image's other exports name what is in it."""
    built = push(repository, f"{registry.host}/kept", data)
    lock = tmp_path / "pylock.toml"
    lock.write_text(hubkiln("env", "export", built["image"], data=data).stdout)
    with DockerRegistry(tmp_path / "registry") as empty:
        again = push(repository, f"{empty.host}/kept", data, "--lock", str(lock))
    assert again["image"].partition("@")[2] == built["image"].partition("@")[2]
    bill = json.loads(hubkiln("env", "export", built["image"], "--format", "sbom", data=data).stdout)
    assert "numpy" in {one["name"] for one in bill["components"]}
    assert built["image"] in hubkiln("env", "export", built["image"], "--format", "podman", data=data).stdout


def test_an_image_of_others_has_no_lock(data: Path, registry: DockerRegistry) -> None:
    """The base image says so in a sentence."""
    base = kept_base()
    target = f"docker://{registry.host}/others:1"
    sh("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{base.root}:base:bookworm", target)
    digest = json.loads(sh("skopeo", "inspect", "--tls-verify=false", target))["Digest"]
    done = hubkiln("env", "export", f"{registry.host}/others@{digest}", data=data)
    assert done.returncode == 1 and "does not say what it was made of" in said(done)
