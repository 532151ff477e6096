"""DockerSpawner's own code on Podman's Docker-compatible socket, a registry with TLS and a login, a real hub."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from any_hub import any_hub
from docker_engine import docker_engine
from kept_base import needs_base

from git_server import GitServer, make_repository
from hub_browser import Browser, alert, logged_in
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.testing.docker_registry import PASSWORD, DockerRegistry, installed
from sockets import free_port

docker = pytest.importorskip("docker")
pytest.importorskip("dockerspawner")

pytestmark = [
    pytest.mark.hub,
    pytest.mark.registry,
    pytest.mark.podman,
    pytest.mark.network,
    pytest.mark.sandbox,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
    needs_base,
]


@dataclass(frozen=True)
class Place:
    """A hub, its registry, its engine."""

    hub: str
    registry: DockerRegistry
    engine: Any
    """Docker's client."""
    repository: str
    """Address of one to build."""


@pytest.fixture(scope="module")
def place(based: Path, podman: EngineCommand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All of it."""
    folder = tmp_path_factory.mktemp("docker")
    with DockerRegistry(folder / "registry", tls=True, password=True) as registry, GitServer(folder) as git:
        make_repository(git.root / "waves.git", {"requirements.txt": "", "note.ipynb": "{}"})
        login = base64.b64encode(":".join(PASSWORD).encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": login}}}))
        with docker_engine(podman, folder, registry.certificate) as socket:
            variables = {
                "TEST_REGISTRY": registry.host,
                "TEST_ENGINE": socket,
                "TEST_SERVER_PORT": str(free_port()),
                "TEST_DATA": str(based),
                "TEST_CERTIFICATE": str(registry.certificate),
                "TEST_USER": PASSWORD[0],
                "TEST_PASSWORD": PASSWORD[1],
            }
            with any_hub(folder, config="docker_config.py", **variables) as base:
                client = docker.APIClient(base_url=socket)
                yield Place(base, registry, client, git.url("waves.git"))
                client.close()


@pytest.fixture
async def ada(place: Place) -> AsyncIterator[Browser]:
    """A user."""
    async with logged_in(place.hub, "ada") as browser:
        yield browser
        await browser.stop()


async def test_a_repository_becomes_a_server_in_a_container(place: Place, ada: Browser) -> None:
    """Built, pushed over TLS with a login, pulled with the hub's login, started by digest; Jupyter answers."""
    image = await built(place, ada)
    name, _, digest = image.partition("@")
    assert name.startswith(f"{place.registry.host}/hub/waves-") and digest.startswith("sha256:")
    assert not alert(await start(ada, image))
    told = (await ada.progress())[-1]
    assert told.get("ready"), told
    lab = await ada.client.get(f"{place.hub}/user/ada/lab")  # by way of the hub's login
    files = await ada.client.get(f"{place.hub}/user/ada/api/contents")
    assert (lab.status_code, files.status_code) == (200, 200) and "note.ipynb" in files.text, files.text
    [container] = place.engine.containers()
    assert digest in str(place.engine.inspect_image(container["ImageID"])["RepoDigests"])
    assert f"JUPYTER_IMAGE_SPEC={image}" in place.engine.inspect_container(container["Id"])["Config"]["Env"]
    can_limit = os.geteuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists()  # else Podman ignores limits
    memory = place.engine.inspect_container(container["Id"])["HostConfig"]["Memory"]
    assert memory == (2**30 if can_limit else 0)
    assert (await ada.api("DELETE", "users/ada/server")).status_code in (202, 204)


async def built(place: Place, ada: Browser) -> str:
    """The reference of the repository's image."""
    scope = "access:services!service=binder"
    token = (await ada.api("POST", "users/ada/tokens", json={"expires_in": 900, "scopes": [scope]})).json()["token"]
    service, headers = f"{place.hub}/services/binder/api", {"Authorization": f"token {token}"}
    build = (await ada.client.post(f"{service}/builds", json={"spec": place.repository}, headers=headers)).json()
    url = f"{service}/builds/{build['id']}/events"
    async with ada.client.stream("GET", url, headers=headers, timeout=600) as events:
        lines = [line async for line in events.aiter_lines() if line.startswith("data:")]
    ended = json.loads(lines[-1].removeprefix("data:"))["build"]
    assert ended["phase"] == "ready", ended
    image: str = ended["image"]
    return image


async def start(ada: Browser, image: str) -> Any:
    """Post the form as the page does."""
    option = "profile-option-any--image"
    fields = {"profile": "any", option: "--extra-selectable-item", f"{option}--unlisted-choice": image}
    return await ada.start(**fields)
