"""A real JupyterHub below a base URL, with a spawner that is not ours: choosing, refusing, starting."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from any_hub import any_hub

from hub_browser import Browser, alert, logged_in, told

pytestmark = pytest.mark.hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The hub's address, without a slash at the end."""
    with any_hub(tmp_path_factory.mktemp("hub")) as base:
        yield base


@pytest.fixture
async def ada(hub: str) -> AsyncIterator[Browser]:
    """A user."""
    async with logged_in(hub, "ada") as browser:
        browser.xsrf = (await browser.page())["xsrf"]
        yield browser
        await browser.stop()


async def test_the_page_is_told_everything_below_the_base_url(ada: Browser) -> None:
    """Addresses, user and profiles are there; overrides and profiles for others are not."""
    text = (await ada.spawn_page()).text
    page = await ada.page()
    assert page["hubApi"] == "/some/base/hub/api/" and page["service"] == "/some/base/services/binder/"
    assert [profile["slug"] for profile in page["profiles"]] == ["cpu", "own"]
    assert page["profiles"][1]["display_name"] == "Only for ada" and page["user"] == "ada"
    assert "listed/small" not in text and "override" not in text


async def test_the_front_end_is_served_by_the_hub(ada: Browser) -> None:
    """Scripts and styles come with their type and may be kept; folders and other files are not shown."""
    script = re.search(r'src="([^"]+spawn\.js[^"]*)"', (await ada.spawn_page()).text)
    assert script
    root = ada.hub.removesuffix("/some/base")
    answer = await ada.client.get(root + script[1])
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert "max-age" in answer.headers["cache-control"] and answer.headers["etag"]
    assert (await ada.client.get(f"{ada.hub}/hub/hubkiln/static/")).status_code == 403
    assert (await ada.client.get(f"{ada.hub}/hub/hubkiln/static/%2e%2e/plugin.py")).status_code in (403, 404)


async def test_the_page_gets_a_token_for_the_service_only(ada: Browser) -> None:
    """Every user may ask for a token with the one scope."""
    scope = "access:services!service=binder"
    answer = await ada.api("POST", "users/ada/tokens", json={"expires_in": 60, "scopes": [scope]})
    assert answer.status_code == 201 and scope in answer.json()["scopes"]


async def test_a_listed_choice_starts(ada: Browser) -> None:
    """The form's choice reaches the spawner, and the next page knows it."""
    answer = await ada.start(**{"profile": "cpu", "profile-option-cpu--image": "small"})
    assert not alert(answer)
    running = await ada.running()
    assert running["image"] == "listed/small:1"
    assert running["user_options"] == {"profile": "cpu", "image": "small"}
    assert (await ada.page())["chosen"] == {"profile": "cpu", "image": "small"}


async def test_a_typed_image_fills_the_template(ada: Browser) -> None:
    """A typed image that the rule allows starts, dictionaries are merged into the spawner's own."""
    fields = {"profile": "cpu", "profile-option-cpu--image--unlisted-choice": "typed/x:1"}
    await ada.start(**fields)
    running = await ada.running()
    assert (running["image"], running["size"]) == ("typed/x:1", "of typed/x:1")


async def test_a_built_image_starts_for_its_owner(ada: Browser) -> None:
    """What the build service knows and shows to this user starts although the rule says otherwise."""
    fields = {
        "profile": "cpu",
        "profile-option-cpu--image": "--extra-selectable-item",
        "profile-option-cpu--image--unlisted-choice": "built/ada:1",
    }
    await ada.start(**fields)
    assert (await ada.running())["image"] == "built/ada:1"


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"image--unlisted-choice": "typed/x:1"}, 400, "names no profile"),
        ({"profile": "cpu", "image--unlisted-choice": "other/x:1"}, 400, "Only typed/… images."),
        ({"profile": "cpu", "image--unlisted-choice": "built/broken:1"}, 503, "build service does not answer"),
        ({"profile": "gpu"}, 403, "is not for you"),
        ({"profile": "nope"}, 400, "no profile 'nope'"),
        ({"profile": "cpu", "cmd": "evil"}, 400, "no option 'cmd'"),
        ({"profile": "cpu", "image": {"a": 1}}, 400, "must be a text"),
    ],
)
async def test_the_rest_api_cannot_go_around_the_rules(
    ada: Browser, options: dict[str, Any], status: int, message: str
) -> None:
    """A server asked for through the REST API is refused with the same sentence as on the page."""
    answer = await ada.api("POST", "users/ada/server", json={"user_options": options})
    assert answer.status_code == status and message in answer.json()["message"]
    assert "" not in (await ada.api("GET", "users/ada")).json()["servers"]


async def test_somebody_elses_built_image_is_refused(hub: str) -> None:
    """Knowing the name of a private image is not enough; a public one starts."""
    async with logged_in(hub, "eve") as eve:
        private = {"profile": "cpu", "image--unlisted-choice": "built/ada:1"}
        answer = await eve.api("POST", "users/eve/server", json={"user_options": private})
        assert answer.status_code == 403 and "somebody else" in answer.json()["message"]
        await eve.api(
            "POST", "users/eve/server", json={"user_options": private | {"image--unlisted-choice": "built/public:1"}}
        )
        assert (await eve.running())["image"] == "built/public:1"


async def test_a_group_opens_its_profile(hub: str) -> None:
    """Members see and start the profile that others may not."""
    async with logged_in(hub, "grace") as grace:
        assert [profile["slug"] for profile in (await grace.page())["profiles"]] == ["cpu", "gpu", "own"]
        await grace.start(profile="gpu")
        assert (await grace.running())["image"] == "usual:1"


async def test_a_refused_form_says_why_and_keeps_working(ada: Browser) -> None:
    """The page comes back with the reason, for people and for the front end."""
    answer = await ada.start(profile="cpu", **{"profile-option-cpu--image": "unlisted_choice"})
    assert "nothing was typed or built" in alert(answer)
    assert "nothing was typed or built" in told(answer)["problem"] and told(answer)["xsrf"] == ""
    assert (await ada.page())["problem"] == ""


FORGED = (
    ({"image": "--extra-selectable-item"}, "nothing was typed or built"),
    ({"image": "--no-such-sentinel"}, "there is no choice"),
    ({"flavour": "--unlisted-choice"}, "there is no choice"),
    ({"image--unlisted-choice": "typed/" + "x" * 10_000}, "at most 1024 characters"),
    ({"image--unlisted-choice": "<img src=x onerror=alert(1)>"}, "is not allowed here"),
    ({"image--unlisted-choice": "hubkiln.local/../../etc:1"}, "on the build service's machine"),
    ({"image--unlisted-choice": "built/broken:1"}, "build service does not answer"),
    ({"image--unlisted-choice--repo": "x" * 10_000}, "at most 1024 characters"),
)
"""Options of a form that no page of ours would post, and what is said of them."""


async def test_a_forged_form_is_refused_with_a_sentence(ada: Browser) -> None:
    """Posted by hand: unknown sentinels, markup, 10,000 letters, an environment that nobody built; nothing starts."""
    fields = [({f"profile-option-cpu--{name}": text for name, text in one.items()}, says) for one, says in FORGED]
    for more, says in (
        *fields,
        ({"profile": "x" * 10_000}, "There is no profile"),
        ({"profile": "\u202e<b>"}, "There is no profile"),
        ({"hubkiln-open": "../../etc/passwd"}, "is not a path inside the repository"),
    ):
        answer = await ada.start(**{"profile": "cpu"} | more)
        assert says in alert(answer) and len(alert(answer)) < 400 and answer.status_code in (400, 403, 422, 503)
        assert "<" not in alert(answer) and "\u202e" not in alert(answer)
    assert "" not in (await ada.api("GET", "users/ada")).json()["servers"]


async def test_a_link_can_start_a_listed_choice(ada: Browser) -> None:
    """JupyterHub's links with options work for what is listed."""
    started = await ada.spawn_page("?opt-profile=cpu&opt-profile-option-cpu--image=small")
    assert not alert(started)
    assert (await ada.running())["image"] == "listed/small:1"


async def test_nothing_chosen_means_the_last_choice(ada: Browser) -> None:
    """A server started without options is started with those of last time, checked again."""
    await ada.api("POST", "users/ada/server", json={"user_options": {"profile": "own"}})
    assert (await ada.running())["user_options"] == {"profile": "own"}
    assert (await ada.api("POST", "users/ada/server")).status_code in (201, 202)
    assert (await ada.running())["user_options"] == {"profile": "own"}
