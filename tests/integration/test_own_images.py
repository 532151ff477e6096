"""Our own images, composed without an engine: the service runs as a restricted pod runs it, and builds there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import runtime_default
from kept_base import give_base
from tiny_image import LIMITS, sh

from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.processes import free_port
from hubkiln.testing.docker_registry import DockerRegistry, installed

ROOT = Path(__file__).parents[2]
CERTIFICATES = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates")

pytestmark = [
    pytest.mark.podman,
    pytest.mark.registry,
    pytest.mark.network,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif("HUBKILN_TEST_IMAGES" not in os.environ, reason="takes minutes: `make test-cluster` runs it"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a pod's user is another than ours"),
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, registry: DockerRegistry) -> tuple[str, str]:
    """The base and the service, pushed by `make images`."""
    folder = tmp_path_factory.mktemp("images")
    give_base(folder)
    base, service = made(folder, "--base", "base:bookworm", "--push", f"{registry.host}/")[-2:]
    return base, service


def made(folder: Path, *words: str) -> list[str]:
    """What `make images` prints when it works in `folder`."""
    argv = [sys.executable, str(ROOT / "images/make.py"), "--output", str(folder), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.timeout(1000)
def test_the_same_checkout_makes_the_same_images(tmp_path: Path) -> None:
    """Made twice from nothing, in folders of two lengths: the same digests, and the same bill of materials."""
    first, second = tmp_path / "a", tmp_path / "another folder/longer"
    digests = [[line.split()[-1] for line in made(folder)] for folder in (first, second)]
    assert digests[0] == digests[1] and len(set(digests[0])) == 2
    bill, again = (json.loads((folder / "hubkiln.cdx.json").read_text()) for folder in (first, second))
    assert {"jupyterhub", "asyncpg"} <= {one["name"] for one in bill["components"]}
    assert bill["components"] == again["components"]


def test_it_composes_in_a_restricted_pod_and_refuses_steps(
    images: tuple[str, str], registry: DockerRegistry, podman: EngineCommand, tmp_path: Path
) -> None:
    """
    No root, no capability, no new privilege, the runtime's filter, a root that nobody can write.

    Probes answer without the hub; a wheel's environment is pushed and says that it was not tried; `apt.txt` is
    refused before anything is made, with the field of the pod that is in the way.
    """
    base, service = images
    port = free_port()
    for name in ("data", "tmp"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, 1000, 1000)
    profile = tmp_path / "seccomp.json"
    profile.write_text(json.dumps(runtime_default()))
    (tmp_path / "tmp/apt").mkdir()
    (tmp_path / "tmp/apt/apt.txt").write_text("tree\n")
    tmp_path.chmod(0o755)
    mounts = [f"--volume={path}:{path}:ro" for path in CERTIFICATES if Path(path).exists()]
    mounts += [f"--volume={tmp_path / 'data'}:/var/lib/hubkiln", f"--volume={tmp_path / 'tmp'}:/tmp"]
    restricted = ("--cap-drop=all", "--security-opt=no-new-privileges", f"--security-opt=seccomp={profile}")
    told = {
        "JUPYTERHUB_API_TOKEN": "t",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "HUBKILN_BASE_IMAGE": base,
        "HUBKILN_PUSH": f"{registry.host}/environments",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
    }
    env = [f"--env={name}={value}" for name, value in told.items()]
    tool = ("podman", *podman.global_arguments, "--runtime=runc")
    sh(*tool, "pull", "-q", "--tls-verify=false", service)
    pod = ("--detach", "--network=host", "--read-only", "--read-only-tmpfs=false", "--user=1000:1000", *LIMITS)
    container = sh(*tool, "run", *pod, *restricted, *mounts, *env, service).strip()
    try:
        assert answered(f"http://127.0.0.1:{port}/live") == "alive\n"
        assert answered(f"http://127.0.0.1:{port}/ready") == "ready\n"
        to = ("--base-image", base, "--push", f"{registry.host}/try:1")
        made = inside(tool, container, "build", "inline/cowsay", *to)
        assert made.returncode == 0, made.stderr
        assert f"{registry.host}/try@sha256:" in made.stdout and "was not tried" in made.stderr
        refused = inside(tool, container, "build", "./apt", *to)
        assert refused.returncode == 3 and "`apt.txt` needs run steps" in refused.stderr
        assert "seccompProfile" in refused.stderr and "Locking" not in refused.stderr
    finally:
        sh(*tool, "rm", "--force", "--time=0", container)


def inside(tool: tuple[str, ...], container: str, *words: str) -> subprocess.CompletedProcess[str]:
    """What the service's own program does in its pod."""
    argv = [*tool, "exec", "--workdir=/tmp", container, "/srv/conda/envs/notebook/bin/hubkiln", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)


def answered(url: str) -> str:
    """What it says, once it does."""
    until = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except OSError:
            assert time.monotonic() < until, "nothing answers"
            time.sleep(0.1)
