"""The plugin in hubs of other versions, as a folder on ``PYTHONPATH``: nothing of ours is installed there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from any_hub import any_hub

import hubkiln
from hub_browser import Browser, alert, logged_in

pytestmark = [pytest.mark.hub, pytest.mark.network]

UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module", params=["5.2.1", "5.5.0"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub of that version, without a slash at the end."""
    folder = tmp_path_factory.mktemp("hub")
    python = folder / "venv/bin/python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python, f"jupyterhub=={request.param}", "jsonschema<4.25"]
    subprocess.run(install, check=True)
    shutil.copytree(Path(hubkiln.__file__).parent, folder / "plugin/hubkiln")
    with any_hub(folder, python, PYTHONPATH=str(folder / "plugin")) as base:
        yield base


@pytest.fixture
async def ada(hub: str) -> AsyncIterator[Browser]:
    """A user."""
    async with logged_in(hub, "ada") as browser:
        yield browser
        await browser.stop()


async def test_the_page_and_its_choices_work(ada: Browser) -> None:
    """A listed choice and a built image start; what was chosen is known the next time; users may ask the service."""
    assert not alert(await ada.start(**{"profile": "cpu", "profile-option-cpu--image": "small"}))
    running = await ada.running()
    assert (running["image"], running["user_options"]) == ("listed/small:1", {"profile": "cpu", "image": "small"})
    assert (await ada.page())["chosen"] == {"profile": "cpu", "image": "small"}
    await ada.start(**{"profile": "cpu", "profile-option-cpu--image--unlisted-choice": "built/ada:1"})
    assert (await ada.running())["image"] == "built/ada:1"
    scope = "access:services!service=binder"
    token = await ada.api("POST", "users/ada/tokens", json={"expires_in": 60, "scopes": [scope]})
    assert token.status_code == 201, token.text


async def test_everything_is_checked(ada: Browser) -> None:
    """The REST API and links cannot go around the rules, and the refusal is the sentence with its status."""
    for options, status, words in (
        ({"profile": "cpu", "image--unlisted-choice": "other/x:1"}, 400, "Only typed/… images."),
        ({"profile": "cpu", "image--unlisted-choice": "built/broken:1"}, 503, "build service does not answer"),
        ({"profile": "gpu"}, 403, "is not for you"),
    ):
        answer = await ada.api("POST", "users/ada/server", json=options)  # as version 5 takes them
        assert answer.status_code == status and words in answer.json()["message"], answer.text
    await ada.spawn_page("?opt-profile=cpu&opt-profile-option-cpu--image--unlisted-choice=typed/x:1")
    assert "" not in (await ada.api("GET", "users/ada")).json()["servers"]


async def test_a_refused_form_says_why(ada: Browser) -> None:
    """On the page, above the form."""
    answer = await ada.start(profile="cpu", **{"profile-option-cpu--image": "unlisted_choice"})
    assert "nothing was typed or built" in alert(answer)
