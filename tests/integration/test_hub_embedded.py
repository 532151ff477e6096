"""``hubkiln up`` for real: log in, build a repository, work in it, stop; nothing left, nothing lost."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from embedded import PASSWORD, Up, built, form, in_terminal, left_over, servers, settled, start, until
from kept import give_stores

from git_server import GitServer, add_commit, make_repository
from hub_browser import Browser, logged_in
from hubkiln.processes import free_port

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

ANOTHER = """
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/elsewhere"
"""
"""What an admin may make of it: another authenticator, another address."""

NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def data(stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all, in which the wheels that other tests unpacked are there already."""
    folder = tmp_path_factory.mktemp("hubkiln") / "data"
    give_stores(stacked, folder)
    return folder


@pytest.fixture(scope="module")
def up(data: Path) -> Iterator[Up]:
    """A hub below a base URL."""
    running = start(data, "--base-url", "/kiln/")
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)
    print((data / "hub/jupyterhub.log").read_text()[-4000:])


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A repository with a notebook and nothing to install, over git-HTTP."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        path = server.root / "demo.git"
        make_repository(path, {"start.ipynb": NOTEBOOK, "text.txt": "one\n"})
        yield server.url("demo.git"), path


@pytest.fixture
async def ada(up: Up) -> AsyncIterator[Browser]:
    """A user, whose server is stopped at the end."""
    async with logged_in(up.hub, "ada", PASSWORD) as browser:
        browser.xsrf = (await browser.page())["xsrf"]
        yield browser
        await browser.stop()


async def test_a_repository_is_built_started_and_open(up: Up, ada: Browser, repository: tuple[str, Path]) -> None:
    """From a URL to JupyterLab with the notebook; an edit survives a restart with a newer commit."""
    url, path = repository
    image = (await built(ada, url))["image"]
    assert (await ada.start(**form(image, "start.ipynb"))).status_code == 200
    shown = await ada.progress()
    assert shown[-1].get("ready"), shown
    assert any("~/demo" in event["message"] for event in shown), shown
    lab = await ada.client.get(f"{up.hub}/user/ada/")
    assert lab.status_code == 200 and str(lab.url).endswith("/user/ada/lab/tree/demo/start.ipynb")
    home = up.data / "homes/ada"
    assert json.loads((home / "demo/start.ipynb").read_text())["cells"] == []
    (home / "demo/text.txt").write_text("mine\n")
    await ada.stop()
    add_commit(path, {"start.ipynb": NOTEBOOK, "text.txt": "one\n", "new.txt": "new\n"})
    await ada.start(**form((await built(ada, url))["image"]))
    assert (await ada.progress())[-1].get("ready")
    assert (home / "demo/text.txt").read_text() == "mine\n" and (home / "demo/new.txt").read_text() == "new\n"


async def test_another_users_files_and_the_hubs_secrets_are_not_seen(up: Up, ada: Browser) -> None:
    """From inside, there is one home, no data folder, and no process of the hub."""
    await ada.start(
        **{
            "profile": "server",
            "profile-option-server--image": "default",
            "profile-option-server--resources": "cpu1-mem1",
        }
    )
    assert (await ada.progress())[-1].get("ready")
    eve = up.data / "homes/eve"
    eve.mkdir(exist_ok=True)
    (eve / "secret").write_text("x")
    looks = (
        "os.listdir('/home')",
        f"os.path.exists({str(up.data)!r})",
        "len([name for name in os.listdir('/proc') if name.isdigit()]) < 20",
        "[name for name in os.environ if name.startswith('HUBKILN')]",
    )
    script = f"import os, json; print(json.dumps([{', '.join(looks)}]))"
    said = await in_terminal(ada, f'python3 -c "{script}"')
    assert '[["jovyan"], false, true, []]' in said


async def test_a_dead_server_is_noticed(up: Up, ada: Browser) -> None:
    """A server whose process is killed is gone from the hub a few seconds later."""
    await ada.start(**{"profile": "server", "profile-option-server--image": "default"})
    assert (await ada.progress())[-1].get("ready")
    model = (await ada.api("GET", "users/ada")).json()
    assert "" in model["servers"]
    for pid in servers(up.data):
        os.kill(pid, signal.SIGKILL)

    async def gone() -> bool:
        return "" not in (await ada.api("GET", "users/ada")).json()["servers"]

    await until(gone)


def test_a_second_one_is_refused(up: Up) -> None:
    """Two hubs on one folder would destroy each other's state."""
    command = [sys.executable, "-m", "hubkiln", "up", "--data-dir", str(up.data), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"already running on {up.data}, as process {up.process.pid}" in done.stderr


def test_a_port_in_use_is_said(up: Up, tmp_path: Path) -> None:
    """The message names the port and the option."""
    port = up.hub.split(":")[2].split("/")[0]
    command = [sys.executable, "-m", "hubkiln", "up", "--data-dir", str(tmp_path), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"port {port}" in done.stderr and "--port" in done.stderr


async def test_stopping_leaves_nothing_and_loses_nothing(up: Up, data: Path) -> None:
    """
    After Ctrl-C no process is left; the next start finds users and homes; killing that leaves nothing either.

    That one is another hub by its configuration, and says so.
    """
    async with logged_in(up.hub, "ada", PASSWORD) as ada:
        await ada.start(**{"profile": "server", "profile-option-server--image": "default"})
        assert (await ada.progress())[-1].get("ready")
    up.process.send_signal(signal.SIGINT)
    said, _ = up.process.communicate(timeout=150)
    assert up.process.returncode == 0 and settled(data) == [], said
    file = data.parent / "config.py"
    file.write_text(ANOTHER.format(port=free_port()))
    again = start(data, "--config", str(file))
    said = "".join(again.said)
    assert again.hub.endswith("/elsewhere") and PASSWORD not in said
    assert "DummyAuthenticator asks for it" in said and "The password that was given opens nothing." in said
    async with logged_in(again.hub, "ada", PASSWORD) as ada:
        assert (await ada.page())["chosen"]["image"] == "default"
        assert (data / "homes/ada").is_dir()
        await ada.start(**{"profile": "server", "profile-option-server--image": "default"})
        assert (await ada.progress())[-1].get("ready")
    again.process.kill()
    again.process.communicate()
    await until(lambda: not left_over(data))
