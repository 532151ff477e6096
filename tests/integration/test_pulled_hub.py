"""A typed image on a real hub: pulled, looked into, started as its maker meant it; or refused before it starts."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jupyter_image
import pytest
import tiny_root
from kept import remove_behind
from others_images import OthersImage
from sandbox_user import open_folder
from test_hub_embedded import PASSWORD, Up, start

from hub_browser import Browser, logged_in
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.hub,
    pytest.mark.sandbox,
    pytest.mark.registry,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif(not jupyter_image.can_be_made(), reason="mmdebstrap or Debian's Python is not installed"),
]


@pytest.fixture(scope="module")
def jupyter() -> None:
    """The image's parts are made, outside of any test's time."""
    asyncio.run(jupyter_image.base())
    jupyter_image.environment()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry on loopback, which a hub that listens only there may ask."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A hub."""
    folder = open_folder()
    running = start(folder / "data")
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)
    print((folder / "data/hub/jupyterhub.log").read_text()[-4000:])
    remove_behind(folder)


@pytest.fixture
async def ada(up: Up) -> AsyncIterator[Browser]:
    """A user, whose server is stopped at the end."""
    async with logged_in(up.hub, "ada", PASSWORD) as browser:
        yield browser
        await browser.stop()


def asked(image: str) -> dict[str, str]:
    """User options for a typed image."""
    return {"profile": "server", "image--unlisted-choice": image}


def words(shown: list[dict[str, Any]]) -> str:
    """Everything the progress page showed."""
    return "\n".join(event["message"] for event in shown)


async def test_a_typed_image_starts(up: Up, ada: Browser, registry: DockerRegistry, jupyter: None) -> None:
    """Through the Hub API: pulled, entered by its entrypoint, its Jupyter answers, the home is the user's."""
    reference = f"{registry.host}/ada/lab:1"
    await jupyter_image.push_jupyter(reference)
    home = up.data / "homes/ada"
    answer = await ada.api("POST", "users/ada/server", json=asked(reference))
    assert answer.status_code in (201, 202), answer.text
    shown = await ada.progress()
    assert shown[-1].get("ready"), words(shown)
    assert "Unpacking layer 1 of" in words(shown) and "Checking that jupyterhub-singleuser starts" in words(shown)
    lab = await ada.client.get(f"{up.hub}/user/ada/lab")
    assert lab.status_code == 200 and "JupyterLab" in lab.text
    token = (await ada.api("POST", "users/ada/tokens", json={"expires_in": 600})).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    status = await ada.client.get(f"{up.hub}/user/ada/api/status", headers=bearer)
    assert status.status_code == 200 and "started" in status.json(), status.text
    content = (await ada.client.get(f"{up.hub}/user/ada/api/contents", headers=bearer)).json()
    (home / "mine.txt").write_text("kept")
    assert content["type"] == "directory"
    kept = await ada.client.get(f"{up.hub}/user/ada/api/contents/mine.txt", headers=bearer)
    assert kept.json()["content"] == "kept"
    environment = [
        line for line in server_environment(up.data) if line.startswith(("HOME=", "FROM_", "JUPYTERHUB_ROOT"))
    ]
    assert sorted(environment) == ["FROM_ENTRYPOINT=yes", "HOME=/home/app", "JUPYTERHUB_ROOT_DIR=/home/app"]
    await ada.stop()


def server_environment(data: Path) -> list[str]:
    """Variables of the server's own process."""
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes()
            if folder.name.isdigit() and re.search(rb"python\S*\0\S*/opt/jupyter/bin/jupyterhub-singleuser", command):
                return (folder / "environ").read_bytes().decode().split("\0")
        except OSError:
            continue
    raise AssertionError(subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout)


async def test_an_image_without_jupyterhub_is_explained(up: Up, ada: Browser, registry: DockerRegistry) -> None:
    """Before anything starts, with what to add."""
    reference = f"{registry.host}/plain:1"
    await OthersImage([tiny_root.layer()]).push(reference)
    await ada.api("POST", "users/ada/server", json=asked(reference))
    shown = await ada.progress()
    assert shown[-1].get("failed"), words(shown)
    assert "plain has no jupyterhub-singleuser on its PATH" in words(shown)
    assert "pip install 'jupyterhub>=6,<7'" in words(shown)
    assert not list((up.data / "hub/rooms").glob("*"))


async def test_what_is_not_there_is_explained(up: Up, ada: Browser, registry: DockerRegistry) -> None:
    """A wrong tag, a network that is not open to users, a name from this machine's own store."""
    for image, about in (
        (f"{registry.host}/plain:none", "Check the name and the tag"),
        ("10.1.2.3/secret:1", "inside this network"),
        ("hubkiln.local/x@sha256:" + "0" * 64, "not known here"),
    ):
        answer = await ada.api("POST", "users/ada/server", json=asked(image))
        said = answer.text if answer.status_code >= 400 else words(await ada.progress())
        assert about in said, (image, said)


async def test_the_page_offers_it(up: Up, ada: Browser) -> None:
    """The service says that typed images work."""
    scopes = ["access:services!service=binder"]
    token = (await ada.api("POST", "users/ada/tokens", json={"expires_in": 60, "scopes": scopes})).json()["token"]
    answer = await ada.client.get(f"{up.hub}/services/binder/api/engine", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["typed_images"] == {"works": True, "reason": ""}
