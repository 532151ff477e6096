"""A link fills the form in; people start. At a real hub, with spawners of any kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
from any_hub import any_hub

from hub_browser import Browser, alert, logged_in, told

pytestmark = pytest.mark.hub

TYPED = "?opt-profile=cpu&opt-profile-option-cpu--image--unlisted-choice=typed/x:1"

WAITING = {
    "typed": TYPED,
    "typed, old spelling": TYPED.replace("opt-", ""),
    "typed, in the stored shape": "?opt-profile=cpu&opt-image--unlisted-choice=typed/x:1",
    "typed, escaped": "?opt%2Dprofile=cpu&%6fpt-profile-option-cpu--image--unlisted%2Dchoice=%74yped%2Fx%3A1",
    "typed beside a listed choice": f"{TYPED}&opt-profile-option-cpu--image=small",
    "typed twice": f"{TYPED}&opt-profile-option-cpu--image--unlisted-choice=typed/y:1",
    "typed, with a place to go to": f"{TYPED}&next=%2Fhub%2Fhome",
    "typed, for the form's address": f"{TYPED}&_xsrf=2",
    "built, public": "?opt-profile=cpu&opt-profile-option-cpu--image=--extra-selectable-item"
    "&opt-profile-option-cpu--image--unlisted-choice=built/public:1",
    "built, one's own": "?opt-profile=cpu&opt-profile-option-cpu--image--unlisted-choice=built/ada:1",
    "repository": "?opt-profile=cpu&opt-profile-option-cpu--image--unlisted-choice--repo=lab/waves",
    "repository beside a listed choice": "?opt-profile=cpu&opt-profile-option-cpu--image=small"
    "&opt-profile-option-cpu--image--unlisted-choice--ref=v2",
    "path": "?opt-profile=cpu&opt-profile-option-cpu--image=small&opt-hubkiln-open=run-me.ipynb",
    "a choice and more": "?opt-profile=cpu&opt-profile-option-cpu--image=small&opt-surprise=1",
    "a choice twice": "?opt-profile=cpu&opt-profile-option-cpu--image=small&opt-profile-option-cpu--image=small",
    "no profile": "?opt-profile-option-cpu--image=small",
    "nothing that is known": "?surprise=1",
    "no name": "?opt-=1&opt-profile=cpu",
    "the form's token alone": "?_xsrf=2",
    "broken letters": "?opt-profile=cpu&opt-profile-option-cpu--image--unlisted-choice=%ff%fe",
}
"""Links that name more than listed choices, or nothing that can be understood."""

PATHS = ("", "/ada", "/ada/second", "/%61da/sec%6fnd")


@pytest.fixture(scope="module", params=["SomeSpawner", "OwnWaySpawner"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub with this spawner, where images of ``typed/listed`` may start by link."""
    variables = {"TEST_SPAWNER": request.param, "TEST_START_BY_LINK": "typed/listed"}
    with any_hub(tmp_path_factory.mktemp("hub"), **variables) as base:
        yield base


@pytest.fixture
async def ada(hub: str) -> AsyncIterator[Browser]:
    """A user, whose server is stopped at the end."""
    async with logged_in(hub, "ada") as browser:
        browser.xsrf = (await browser.page())["xsrf"]
        yield browser
        await browser.progress()
        await browser.stop()


async def servers(browser: Browser) -> dict[str, object]:
    """Ada's servers that run or are about to."""
    model = (await browser.api("GET", "users/ada")).json()
    assert "servers" in model, model
    return {name: server for name, server in model["servers"].items() if not server["stopped"]}


@pytest.mark.parametrize("query", WAITING.values(), ids=WAITING.keys())
async def test_a_link_with_more_than_listed_choices_waits(ada: Browser, query: str) -> None:
    """The form comes, nothing starts, and what was chosen last time is what it was, wherever the link leads to."""
    for path in PATHS:
        shown = await ada.spawn_page(path + query)
        assert 'id="hubkiln-page"' in shown.text and not alert(shown), shown.text
        assert await servers(ada) == {}
    assert (await ada.page())["chosen"].get("image--unlisted-choice") is None


async def test_what_a_link_asks_for_stands_in_the_form_until_it_is_posted(ada: Browser) -> None:
    """The page is told what the link says and that a link says it; the user's own post starts it."""
    page = told(await ada.spawn_page(TYPED))
    assert page["linked"] and page["chosen"] == {"profile": "cpu", "image--unlisted-choice": "typed/x:1"}
    assert not (await ada.page())["linked"]
    await ada.start(**{"profile": "cpu", "profile-option-cpu--image--unlisted-choice": "typed/x:1"})
    assert (await ada.running())["image"] == "typed/x:1"
    await ada.api("POST", "users/ada/server", json={"user_options": {"profile": "own"}})
    await ada.running()


async def test_a_link_that_cannot_be_followed_says_why(ada: Browser) -> None:
    """The reason stands on the page, beside what the link asked for."""
    page = told(await ada.spawn_page("?opt-profile=cpu&opt-profile-option-cpu--image=gone"))
    assert "there is no choice 'gone'" in page["problem"] and page["chosen"] == {"profile": "cpu", "image": "gone"}
    assert "There is no profile" in told(await ada.spawn_page("?opt-profile=gpu"))["problem"]


async def test_a_start_without_options_does_not_take_the_links(ada: Browser) -> None:
    """A link leaves nothing behind that a later start of any kind would use."""
    await ada.api("POST", "users/ada/server", json={"user_options": {"profile": "own"}})
    await ada.running()
    await ada.spawn_page(TYPED)
    assert (await ada.api("POST", "users/ada/server")).status_code in (201, 202)
    assert (await ada.running())["user_options"] == {"profile": "own"}


@pytest.mark.parametrize("way", ["/hub/login?next=", "/hub/user-redirect/../../spawn", "/hub/?next="])
async def test_a_redirect_to_a_link_is_a_link(ada: Browser, hub: str, way: str) -> None:
    """However the browser came to the page, it is the user who presses."""
    target = f"/some/base/hub/spawn{TYPED}"
    await ada.client.get(hub + way + (quote(target, safe="") if way.endswith("=") else TYPED))
    assert await servers(ada) == {}


async def test_an_admin_who_follows_a_link_starts_nothing_for_others(hub: str, ada: Browser) -> None:
    """An admin may start anybody's server, and is asked first like everybody."""
    async with logged_in(hub, "boss") as boss:
        for path in ("/ada", "/ada/second"):
            assert told(await boss.spawn_page(path + TYPED))["linked"]
        assert await servers(ada) == {}


async def test_listed_choices_and_listed_images_start_by_link(ada: Browser) -> None:
    """What the admin listed starts at once: choices by name, and images of a repository that links may start."""
    await ada.spawn_page("?opt-profile=cpu&opt-profile-option-cpu--image=small")
    assert (await ada.running())["image"] == "listed/small:1"
    await ada.spawn_page(TYPED.replace("typed/x", "typed/listed/x"))
    assert (await ada.running())["image"] == "typed/listed/x:1"


@pytest.mark.parametrize("image", ["typed/listed-too:1", "typed/listed/../x:1", "docker.io/typed/x", "typed/x:listed"])
async def test_an_image_beside_the_listed_repositories_waits(ada: Browser, image: str) -> None:
    """Names are understood before they are compared."""
    await ada.spawn_page(TYPED.replace("typed/x:1", quote(image, safe="")))
    assert await servers(ada) == {}


async def test_the_form_counts_only_with_the_pages_own_token(ada: Browser, hub: str) -> None:
    """A form on somebody else's page, and one for a frame there, start nothing."""
    fields = {"profile": "cpu", "profile-option-cpu--image": "small"}
    elsewhere = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answers = await asyncio.gather(
        ada.client.post(f"{hub}/hub/spawn", data=fields, headers=elsewhere),
        ada.client.post(f"{hub}/hub/spawn", data=fields | {"_xsrf": "2|x"}, headers=elsewhere),
        ada.client.post(f"{hub}/hub/api/users/ada/server", headers=elsewhere, content="{}"),
    )
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert await servers(ada) == {}
    assert "frame-ancestors 'none'" in (await ada.spawn_page()).headers["Content-Security-Policy"]
