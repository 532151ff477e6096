"""A hub on Kubernetes, whole: KubeSpawner, our service, a registry, and pods that a real kubelet runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from any_hub import any_hub
from embedded import in_terminal
from kept import remove_behind
from kept_base import needs_base
from kubelet import LOOPBACK, Kubernetes, needs_node
from sandbox_user import open_folder

from git_server import GitServer, make_repository
from hub_browser import Browser, alert, logged_in
from hubkiln.processes import free_port
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytest.importorskip("kubespawner")
pytestmark = [
    needs_node,
    needs_base,
    pytest.mark.slow,
    pytest.mark.hub,
    pytest.mark.registry,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
]

PODS = ("--verb=get,list,watch,create,delete", "--resource=pods")
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
NOTEBOOK = {
    "cells": [CELL | {"source": "import cowsay, shutil\nprint('ran', shutil.which('tree'), open('made.txt').read())"}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
FILES = {
    "requirements.txt": "cowsay\n",
    "apt.txt": "tree\n",
    "postBuild": "#!/bin/bash\nset -e\nid -u\ncat /proc/1/cgroup\ntree --version >made.txt\n",
    "note.ipynb": json.dumps(NOTEBOOK),
}


@dataclass(frozen=True)
class Place:
    """A hub, its cluster, its registry."""

    hub: str
    cluster: Kubernetes
    registry: DockerRegistry
    git: GitServer


@pytest.fixture(scope="module")
def place(based: Path) -> Iterator[Place]:
    """All of it."""
    with hub_on_node(based) as made:
        yield made


@contextmanager
def hub_on_node(data: Path) -> Iterator[Place]:
    """A hub whose servers and steps are pods of a node, with a service over the data folder `data`."""
    with (
        removed() as folder,
        DockerRegistry(folder / "registry") as registry,
        GitServer(folder) as git,
        Kubernetes(folder / "cluster") as cluster,
    ):
        cluster.trust(registry.host.replace("127.0.0.1", LOOPBACK))
        cluster.namespace("jhub", "baseline")
        cluster.namespace("steps", "baseline")
        tokens = {"hub": account(cluster, "hub", "jhub", "events", "secrets", "services")}
        tokens["hubkiln"] = account(cluster, "hubkiln", "steps", "pods/log")
        with any_hub(
            folder,
            config="kube_config.py",
            TEST_LOOPBACK=LOOPBACK,
            TEST_REGISTRY=registry.host,
            TEST_PODS_PORT=str(free_port()),
            TEST_DATA=str(data),
            TEST_SERVICE_CONFIG=str(cluster.config_of(tokens["hubkiln"], "hubkiln")),
            KUBECONFIG=str(cluster.config_of(tokens["hub"], "hub")),
        ) as base:
            yield Place(base, cluster, registry, git)


@contextmanager
def removed() -> Iterator[Path]:
    """A folder that sandboxes can reach, and in it one for the cluster."""
    folder = open_folder()
    (folder / "cluster").mkdir()
    try:
        yield folder
    finally:
        remove_behind(folder)


def account(cluster: Kubernetes, name: str, where: str, *also: str) -> str:
    """The token of a service account in the hub's namespace, which may handle pods, and look at more, in another."""
    cluster.kubectl("-n", "jhub", "create", "serviceaccount", name)
    cluster.kubectl("-n", where, "create", "role", f"{name}-pods", *PODS)
    cluster.kubectl(
        "-n", where, "create", "role", f"{name}-more", "--verb=get,list,watch", f"--resource={','.join(also)}"
    )
    for role in (f"{name}-pods", f"{name}-more"):
        cluster.kubectl("-n", where, "create", "rolebinding", role, f"--role={role}", f"--serviceaccount=jhub:{name}")
    return cluster.kubectl("-n", "jhub", "create", "token", name, "--duration=2h").strip()


@pytest.fixture
async def ada(place: Place) -> AsyncIterator[Browser]:
    """A user."""
    async with logged_in(place.hub, "ada") as browser:
        yield browser
        await browser.stop()


async def test_a_repository_becomes_a_server_in_a_pod(place: Place, ada: Browser) -> None:
    """
    Packages, packages of the system and a script: built with steps as pods, pulled by the node, started by digest.

    JupyterLab answers, a notebook runs in it, and no pod of a step is left.
    """
    make_repository(place.git.root / "waves.git", FILES)
    image, log = await built(ada, place.git.url("waves.git"))
    name, _, digest = image.partition("@")
    assert name.startswith(f"{place.registry.host.replace('127.0.0.1', LOOPBACK)}/hub/waves-"), image
    assert "1000\n" in log and "/hubkiln-node/kubepods/" in log.replace("/kubepods/burstable", "/kubepods/"), log
    option = "profile-option-any--image"
    fields = {"profile": "any", option: "--extra-selectable-item", f"{option}--unlisted-choice": image}
    assert not alert(await ada.start(**fields))
    told = (await ada.progress())[-1]
    assert told.get("ready"), (told, place.cluster.kubectl("-n", "jhub", "describe", "pods"))
    lab = await ada.client.get(f"{place.hub}/user/ada/lab")
    assert lab.status_code == 200
    [pod] = place.cluster.get("-n", "jhub", "pods")["items"]
    assert pod["status"]["containerStatuses"][0]["imageID"].endswith(digest)
    said = await in_terminal(ada, "jupyter execute --inplace note.ipynb; grep -o 'ran /usr/bin/tree' note.ipynb")
    assert "\nran /usr/bin/tree" in said, said
    assert place.cluster.get("-n", "steps", "pods")["items"] == []


async def built(ada: Browser, repository: str) -> tuple[str, str]:
    """The reference of the repository's image, and what its build said."""
    scope = "access:services!service=binder"
    token = (await ada.api("POST", "users/ada/tokens", json={"expires_in": 900, "scopes": [scope]})).json()["token"]
    service, headers = f"{ada.hub}/services/binder/api", {"Authorization": f"token {token}"}
    build = (await ada.client.post(f"{service}/builds", json={"spec": repository}, headers=headers)).json()
    url = f"{service}/builds/{build['id']}/events"
    async with ada.client.stream("GET", url, headers=headers, timeout=600) as events:
        told: list[dict[str, Any]] = []
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                told.append(json.loads(line.removeprefix("data:")))
    log = "".join(str(one.get("text", "")) for one in told)
    ended = told[-1]["build"]
    assert ended["phase"] == "ready", (ended, log)
    return str(ended["image"]), log
