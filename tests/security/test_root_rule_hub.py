"""The root rule end to end: a hub user prepares a home from an ordinary server, then starts an image of their own."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import tiny_root
from embedded import PASSWORD, Up, start
from kept import remove_behind
from others_images import Files, OthersImage
from sandbox_user import open_folder

from hub_browser import Browser, logged_in
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.hub,
    pytest.mark.sandbox,
    pytest.mark.registry,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif(not tiny_root.works_here(), reason="this machine's programs make no image"),
]

_SERVER = """#!/bin/sh
if [ "$1" = --version ]; then echo 6.0.0; exit; fi
id -u > $HOME/server
"""
_X = "#!/bin/sh\nid -u > /data/x\n"


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
    remove_behind(folder)


@pytest.fixture
async def mallory(up: Up) -> AsyncIterator[Browser]:
    """A user of the hub."""
    async with logged_in(up.hub, "mallory", PASSWORD) as browser:
        yield browser
        await browser.stop()


@pytest.mark.parametrize("home", ["/data", "/run/hubkiln", "//srv"])
async def test_a_typed_image_runs_as_its_user(up: Up, mallory: Browser, registry: DockerRegistry, home: str) -> None:
    """Whatever its HOME and its links say: its server is an ordinary user, and what the home holds is never run."""
    own = Files().link("data", "/run/hubkiln").file("newroot/x", _X, 0o755)
    own.file("usr/bin/jupyterhub-singleuser", _SERVER, 0o755)
    image = OthersImage([tiny_root.layer(), own.done()], config={"Env": [f"HOME={home}", "PATH=/usr/bin"]})
    reference = f"{registry.host}/mallory/{home.strip('/').replace('/', '-')}:1"
    await image.push(reference)
    folder = up.data / "homes/mallory"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    for tool in ("ld.so", "setpriv", "nsenter", "dash"):
        if not (folder / tool).is_symlink():
            (folder / tool).symlink_to("/newroot/x")
    options = {"profile": "server", "image--unlisted-choice": reference}
    await mallory.api("POST", "users/mallory/server", json=options)
    shown = await mallory.progress()
    assert shown[-1].get("failed"), shown  # it is no real server
    assert not (folder / "x").exists(), (folder / "x").read_text()
    assert (folder / "server").read_text().strip() == "1000", shown
    (folder / "server").unlink()
