"""Repositories that only repo2docker can build, on the command line: real repo2docker, Podman, sandbox and registry."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from collecting_yard import pass_hours
from engine_images import JUPYTER, can_be_kept, fill, kept_storage, variables
from jupyter_image import can_be_made
from newcomer import hubkiln, said, settled, unfinished
from tiny_image import NAME as TINY
from tiny_image import run_argv, sh

from example_folders import find, names
from hubkiln.assembly import open_workshop
from hubkiln.builds import BuildRequest
from hubkiln.cli.building import on_the_command_line
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.composer.repo2docker.export import export
from hubkiln.composer.repo2docker.settings import settings
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed
from hubkiln.images.manifest import read_layers
from hubkiln.storage import Storage
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.testing.docker_registry import installed as registry_installed

pytestmark = [
    pytest.mark.podman,
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
    pytest.mark.skipif(not can_be_made(), reason="the image to build on cannot be made here"),
    pytest.mark.skipif(
        not can_be_kept(), reason="the cache's path is too long for Podman's run folder (50 characters)"
    ),
]

LONG = f"9{os.getpid():07}"
"""Seconds, which no other run of these tests has."""

DOCKERFILE = f"""\
FROM {JUPYTER}
ARG REPO_DIR
ARG FROM_ADMIN
USER root
COPY . ${{REPO_DIR}}
RUN echo "made by $FROM_ADMIN" > ${{REPO_DIR}}/made && chown -R 1000:1000 ${{REPO_DIR}}
USER 1000
"""


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    """Variables that choose the engine."""
    with kept_storage() as podman:
        asyncio.run(fill(podman))
        yield variables(podman) | {"HUBKILN_BUILD_ARGS": "FROM_ADMIN='the admin'"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign") / "data"


def repository(folder: Path, dockerfile: str) -> Path:
    """A repository with a Dockerfile, which the kept engine has never seen, and a program."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"{dockerfile}# {uuid4()}\n")
    (folder / "hello.py").write_text("print('hello', open('made').read())\n")
    return folder


def test_a_dockerfile_becomes_an_environment(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """
    It is built, checked and run; the repository's files are at /srv/repo, with what the build made of them; the
    admin's build arguments arrive; the second time nothing is built, and what it is made of is marked as used; when
    that is gone it is made again, the same; nothing unfinished is left.
    """
    repo = repository(tmp_path / "repo", DOCKERFILE)
    first = hubkiln("build", "--json", repo, data=data, env=env)
    assert first.returncode == 0, first.stderr
    result = json.loads(first.stdout.splitlines()[-1])
    assert (result["plan"], result["reused"]) == ("repo2docker", False)
    assert "RUN echo" in first.stderr
    assert str(data) not in first.stderr
    ran = hubkiln("run", repo, "--", "python", "hello.py", data=data, env=env)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[-3:] == ["hello made by the admin", "", ""]
    assert "STEP" not in ran.stderr
    pass_hours(DataDir(data))
    again = json.loads(hubkiln("build", "--json", repo, data=data, env=env).stdout.splitlines()[-1])
    assert (again["reused"], again["image"]) == (True, result["image"])
    assert taken_away(data) == {"images/foreign", "images/layers"}
    once_more = json.loads(hubkiln("build", "--json", repo, data=data, env=env).stdout.splitlines()[-1])
    assert (once_more["reused"], once_more["image"]) == (False, result["image"])
    assert unfinished(data) == []


def taken_away(data: Path) -> set[str]:
    """Takes away what was just used of notes about built images and of their layers; returns the stores it was in."""
    stores = [store for store in Storage(DataDir(data)).stores() if store.name in ("images/foreign", "images/layers")]
    used = [(store, thing.key) for store in stores for thing in store.things() if thing.used > time.time() - 600]
    for store, key in used:
        store.drop(key)
    return {store.name for store, _ in used}


async def test_an_image_without_a_server_is_for_the_command_line(
    tmp_path: Path, data: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be built and run, which is said; where a hub asks, that is refused with the line to add."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\nRUN echo small > /made\n")
    built = hubkiln("build", repo, data=data, env=env)
    assert built.returncode == 0, built.stderr
    assert "the image has no jupyterhub-singleuser" in built.stderr
    ran = hubkiln("run", repo, "--", "cat", "/made", data=data, env=env)
    assert (ran.returncode, ran.stdout.strip()) == (0, "small"), ran.stderr
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    async with open_workshop(DataDir(data), on_the_command_line()) as workshop:
        request = BuildRequest(spec=workshop.repositories.parse(str(repo)))
        with pytest.raises(BuildFailed, match="which a hub starts") as refused:
            await workshop.pipeline.build(request, lambda event: None)
    assert "RUN python3 -m pip install 'jupyterhub>=6,<7' jupyterlab" in refused.value.hint


@pytest.mark.registry
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
def test_a_server_is_put_beside_an_image_that_has_only_a_language(
    tmp_path: Path, stacked: Path, env: dict[str, str]
) -> None:
    """
    Here and pushed: a hub's server starts in it, and its kernel is the image's Python with the image's packages; what
    the image has on its PATH stays first.
    """
    plain = (
        f"FROM {JUPYTER}\nUSER root\nRUN rm -rf /opt/jupyter && echo X=42 > /usr/lib/python3/dist-packages/only.py\n"
    )
    repo = repository(tmp_path / "repo", plain)
    (repo / "kernel.py").write_text("import only, sys; print('KERNEL', only.X, sys.base_prefix)\n")
    script = "cd /srv/repo; which python3; jupyterhub-singleuser --version; jupyter run kernel.py"
    own = hubkiln("run", repo, "--", "sh", "-c", script, data=stacked, env=env)
    assert own.returncode == 0, own.stderr
    assert "one of ours is put beside it, over its own Python 3.11" in own.stderr
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/made:beside"
        pushed = hubkiln("build", repo, "--push", target, data=stacked, env=env)
        assert pushed.returncode == 0, pushed.stderr
        podman = settings(env).engines[0]
        sh(*podman.base, "pull", "--quiet", "--tls-verify=false", target)
    elsewhere = sh(*run_argv(podman, target, "sh", "-c", script))
    for printed in (own.stdout, elsewhere):
        lines = printed.replace("\r", "").splitlines()
        assert "/usr/bin/python3" in lines and "KERNEL 42 /usr" in lines, printed
        assert any(line.startswith("6.") for line in lines), printed


@pytest.mark.parametrize("name", names("engine"))
def test_an_example_with_a_dockerfile(name: str, stacked: Path, env: dict[str, str]) -> None:
    """Its ``verify`` finds everything."""
    ran = hubkiln("run", find(name).folder, "--", "./verify", data=stacked, env=env)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert f"Plan: {find(name).path}" in ran.stderr


def test_a_failing_instruction_is_explained(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """Which one, how it ended, and what it said last."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\nRUN echo first\nRUN echo no such luck && exit 3\n")
    error = said(hubkiln("build", repo, data=data, env=env))
    assert "The build step 'RUN echo no such luck && exit 3' failed (exit status 3): no such luck" in error
    assert unfinished(data) == []


def test_a_cancelled_build_leaves_nothing(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """Ctrl-C or the hub's cancel button end the instruction that runs, the engine and repo2docker."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\nRUN echo it runs && sleep {LONG}\n")
    command = [sys.executable, "-m", "hubkiln", "build", str(repo)]
    environment = os.environ | env | {"HUBKILN_DATA_DIR": str(data)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("it runs" in line and "STEP" not in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert settled(data) == []
    assert not running(LONG)
    assert not mounted(env)
    assert unfinished(data) == []


def mounted(env: dict[str, str]) -> list[str]:
    """What the engine still has mounted for builds."""
    root = env["HUBKILN_ENGINE_GLOBAL_ARGUMENTS"].split()[1]
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if root in line and line.split()[1].endswith("/merged")]


def running(mark: str, seconds: float = 60) -> list[bytes]:
    """Command lines with `mark`, after they had some time to end."""
    end = time.monotonic() + seconds
    while True:
        lines = list[bytes]()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended
                lines.append(path.read_bytes())
        found = [line for line in lines if mark.encode() in line]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


@pytest.mark.registry
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
def test_it_is_pushed_by_our_own_client(tmp_path: Path, data: Path, env: dict[str, str], home: Path) -> None:
    """
    The registry has it under the tag asked for; files that the image lacks are a layer of it, from which they come
    into a volume; again is quick.
    """
    plain = f"FROM {JUPYTER}\nUSER root\nRUN echo pushed > /pushed\n{ENTERED}"
    repo = repository(tmp_path / "repo", plain)
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/made:one"
        pushed = hubkiln("build", "--json", repo, "--push", target, data=data, env=env)
        assert pushed.returncode == 0, pushed.stderr
        result = json.loads(pushed.stdout.splitlines()[-1])
        found = json.loads(sh("skopeo", "inspect", "--tls-verify=false", f"docker://{target}"))
        assert result["image"] == f"{registry.host}/made@{found['Digest']}"
        assert found["Labels"]["io.hubkiln.environment-key"] == result["environment_key"]
        again = hubkiln("build", "--json", repo, "--push", target, data=data, env=env)
        second = json.loads(again.stdout.splitlines()[-1])
        assert (second["reused"], second["image"]) == (True, result["image"])
        assert "STEP" not in again.stderr
        pulled = hubkiln(
            "run", "--image", target, "--", "sh", "-c", "cat /pushed /srv/repo/hello.py", data=data, env=env
        )
        assert pulled.returncode == 0, pulled.stderr
        assert pulled.stdout.startswith("pushed\nprint(")
        is_at_home_in_a_volume(settings(env).engines[0], target, home, ["Dockerfile", "hello.py"])


@pytest.mark.registry
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
def test_only_layers_that_changed_leave_the_engine(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """A changed file moves what is copied last; another registry gets all, even where our copies are gone."""
    repo = repository(
        tmp_path / "repo",
        f"FROM {JUPYTER}\nUSER root\nRUN head -c 3000000 /dev/urandom > /slow\nUSER 1000\nCOPY . /srv/repo\n",
    )

    def push(target: str) -> tuple[str, dict[str, int]]:
        done = hubkiln("build", "--json", repo, "--push", target, data=data, env=env)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        return result["image"].partition("@")[2], result["layers"]

    with DockerRegistry(tmp_path / "one") as one, DockerRegistry(tmp_path / "two") as two:
        _, all_layers = push(f"{one.host}/made:1")
        (repo / "hello.py").write_text("print('changed')\n")
        digest, changed = push(f"{one.host}/made:2")
        assert changed["bytes"] < all_layers["bytes"] / 100
        for blob in DataDir(data).layers.glob("blobs/sha256/*"):
            blob.unlink()
        elsewhere, everything = push(f"{two.host}/made:2")
        assert elsewhere == digest
        assert everything["bytes"] > all_layers["bytes"] * 0.9


@pytest.mark.registry
@pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed")
def test_on_another_hub_it_delivers_to_a_volume(tmp_path: Path, data: Path, env: dict[str, str], home: Path) -> None:
    """What the build made of the files comes too; see :func:`is_at_home_in_a_volume`."""
    repo = repository(tmp_path / "repo", f"{DOCKERFILE}{ENTERED}")
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.host}/made:home"
        pushed = hubkiln("build", repo, "--push", target, data=data, env=env)
        assert pushed.returncode == 0, pushed.stderr
        is_at_home_in_a_volume(settings(env).engines[0], target, home, ["Dockerfile", "hello.py", "made"])


ENTERED = (
    "USER root\nRUN printf '#!/bin/sh\\nENTERED=yes exec \"$@\"\\n' > /enter && chmod 755 /enter\n"
    'USER 1000\nENTRYPOINT ["/enter"]\nCMD ["sh", "-c", "echo usual; echo $ENTERED; pwd"]\n'
)
"""An entrypoint and a command of an image's own."""


def is_at_home_in_a_volume(podman: EngineCommand, target: str, home: Path, files: list[str]) -> None:
    """
    Over the home lies the volume `home`: the repository's `files` come into it, and the image's own entrypoint and
    command run there; a second start says that nothing changed. Without a volume all is as it was.
    """
    sh(*podman.base, "pull", "--quiet", "--tls-verify=false", target)
    first = sh(*run_argv(podman, target, "sh", "-c", "echo $ENTERED; pwd; id -u; ls", home=home)).splitlines()
    assert first[:4] == ["Hubkiln: The repository's files are in ~/repo.", "yes", "/home/jovyan/repo", "1000"]
    assert first[4:] == files
    again = sh(*run_argv(podman, target, home=home)).splitlines()
    assert again == ["Hubkiln: ~/repo is up to date.", "usual", "yes", "/home/jovyan/repo"]
    assert sh(*run_argv(podman, target)).splitlines()[:2] == ["usual", "yes"]


def test_what_a_killed_builder_left_is_cleared_by_the_next(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """Nobody can clean up after kill -9 but whoever builds next."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\nRUN echo it runs && sleep {LONG}\n")
    command = [sys.executable, "-m", "hubkiln", "build", str(repo)]
    environment = os.environ | env | {"HUBKILN_DATA_DIR": str(data)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("it runs" in line and "STEP" not in line for line in process.stderr)
        process.kill()
        process.communicate(timeout=120)
    assert not running(LONG)
    assert mounted(env)
    (repo / "Dockerfile").write_text(f"FROM {TINY}\nRUN exit 1\n")
    assert "failed" in said(hubkiln("build", repo, data=data, env=env))
    assert not mounted(env)
    assert unfinished(data) == []


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
async def test_what_docker_hands_over_is_read(tmp_path: Path, env: dict[str, str], form: str) -> None:
    """Its archives of before and since version 25; the layers are the same as those that Podman hands over itself."""
    podman = settings(env).engines[0]
    docker = tmp_path / "docker"
    words = " ".join(podman.base)
    docker.write_text(f'#!/bin/sh\nshift\nexec {words} save --quiet --format {form} "$@"\n')
    docker.chmod(0o755)
    found = []
    for engine in (podman, EngineCommand(command=str(docker))):
        layout, manifest = await export(engine, TINY, tmp_path / f"from-{engine.kind}" / "image", len)
        document = json.loads(layout.read(manifest.digest))
        config = json.loads(layout.read(document["config"]["digest"]))
        layers = read_layers(document, config)
        assert all(layout.has(layer.descriptor.digest, layer.descriptor.size) for layer in layers)
        found.append([layer.diff_id for layer in layers])
    assert found[0] == found[1]
    assert not list(tmp_path.glob("*/*.tar"))


def test_the_plan_names_repo2docker(tmp_path: Path, data: Path, env: dict[str, str]) -> None:
    """`--plan` builds nothing."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\nRUN sleep 5000\n")
    told = hubkiln("build", "--plan", repo, data=data, env=env)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0] == "Plan: repo2docker"


def test_without_an_engine_it_says_what_to_install(tmp_path: Path, data: Path) -> None:
    """Before anything is tried."""
    repo = repository(tmp_path / "repo", f"FROM {TINY}\n")
    error = said(hubkiln("build", repo, data=data, env={"HUBKILN_ENGINE": "/nowhere/podman"}))
    assert error.startswith("Dockerfile needs repo2docker with a container engine")
    assert "apt install podman" in error
    assert "/nowhere/podman is not installed" in error
