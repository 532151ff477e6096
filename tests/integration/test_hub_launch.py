"""BinderHub's whole way against a real hub: a build, the server's start, an address and a token."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from any_hub import any_hub

from hub_browser import Browser, logged_in, told
from hubkiln.testing.builds import BUILT, COMMIT

pytestmark = pytest.mark.hub

SERVICE = "/services/binder/"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the open hub keeps its files."""
    return tmp_path_factory.mktemp("open")


@pytest.fixture(scope="module")
def open_hub(open_folder: Path) -> Iterator[str]:
    """A hub where whoever comes may launch."""
    with any_hub(open_folder, TEST_LAUNCH="everybody") as base:
        yield base


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the hub of users keeps its files."""
    return tmp_path_factory.mktemp("users")


@pytest.fixture(scope="module")
def hub(hub_folder: Path) -> Iterator[str]:
    """A hub where its users may launch."""
    with any_hub(hub_folder, TEST_LAUNCH="users") as base:
        yield base


async def events_of(
    base: str, path: str, headers: dict[str, str], relayed: asyncio.Event | None = None
) -> list[dict[str, Any]]:
    """The stream's events up to the last; `relayed` is set once the hub itself tells of the start."""
    events = []
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("GET", f"{base}{SERVICE}build/{path}", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line.split(":", 1)[1]))
                assert "message" in events[-1]
                if relayed and events[-1]["phase"] == "launching" and "Launching server" not in events[-1]["message"]:
                    relayed.set()
                if events[-1].get("phase") in ("ready", "failed"):
                    break
    return events


async def token_of(browser: Browser, scopes: list[str]) -> str:
    """A token of the user's for the build service."""
    answer = await browser.api("POST", f"users/{browser.name}/tokens", json={"expires_in": 600, "scopes": scopes})
    return str(answer.json()["token"])


async def test_15_whoever_comes_gets_a_server_of_their_own(open_hub: str) -> None:
    """``built``, ``launching`` with the hub's own words, ``ready``; the token opens this server and nothing else."""
    events = await events_of(open_hub, "gh/org/repo/HEAD", STREAM)
    phases = [event["phase"] for event in events]
    assert phases[-1] == "ready" and phases.index("built") < phases.index("launching"), events[-1]
    relayed = [event["message"] for event in events if event["phase"] == "launching"]
    assert len([line for line in relayed if not line.startswith(("Launching server...", "Launch attempt "))]) > 0
    last = events[-1]
    assert re.fullmatch(rf"{open_hub}/user/requirements-[a-z0-9]{{12}}/", last["url"]) and last["token"]
    assert last["image"] == BUILT.image and last["binder_request"] == "v2/gh/org/repo/HEAD"
    assert last["binder_persistent_request"] == f"v2/gh/org/repo/{COMMIT}"
    assert last["binder_ref_url"] == f"https://github.com/org/repo/tree/{COMMIT}"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        told = (await client.get(last["url"], params={"token": last["token"]})).json()
        assert told["image"] == BUILT.image and told["JUPYTERHUB_ALLOW_TOKEN_IN_URL"] == "1"
        for name in ("REPO_URL", "REF_URL", "LAUNCH_HOST", "REQUEST", "PERSISTENT_REQUEST", "CLIENT_IP"):
            assert told[f"BINDER_{name}"] == last["repo_url" if name == "REPO_URL" else f"binder_{name.lower()}"]
        me = {"Authorization": f"token {last['token']}"}
        user = (await client.get(f"{open_hub}/hub/api/user", headers=me)).json()
        assert f"access:servers!server={user['name']}/" in user["scopes"]
        assert not [scope for scope in user["scopes"] if "token" in scope or scope.startswith("servers")]


async def test_18_a_user_gets_a_named_server(hub: str) -> None:
    """Its name passes JupyterHub 6's rules; asked again, the same server is there at once."""
    async with logged_in(hub, "ada") as ada:
        token = await token_of(ada, ["access:services!service=binder"])
        headers = STREAM | {"Authorization": f"token {token}"}
        last = (await events_of(hub, "gh/org/repo/HEAD", headers))[-1]
        found = re.fullmatch(rf"{hub}/user/ada/([a-z0-9-]+)/", last["url"])
        assert found and len(found[1]) <= 30 and last["token"] == "", last
        again = await events_of(hub, "gh/org/repo/HEAD", headers)
        assert again[-1]["url"] == last["url"]
        told = (await ada.client.get(last["url"])).json()
        assert told["image"] == BUILT.image and "JUPYTERHUB_ALLOW_TOKEN_IN_URL" not in told


async def test_6_a_cookie_counts_with_the_header_that_a_page_sends(hub: str) -> None:
    """A link with ``%2F`` is kept through the hub's login; the session starts nothing without ``X-Xsrftoken``."""
    async with logged_in(hub, "ada") as ada:
        link = f"{hub}{SERVICE}v2/gl/group%2Fproject/main?urlpath=lab%3Fx%3D1"
        page = await ada.client.get(link, headers={"Sec-Fetch-Dest": "document"})
        assert str(page.url) == link and page.status_code == 200
        assert [answer.status_code for answer in page.history] == [302, 302, 302], page.history
        xsrf = next(
            cookie.value
            for cookie in ada.client.cookies.jar
            if cookie.path.endswith(SERVICE) and cookie.name == "_xsrf"
        )
        build = f"{hub}{SERVICE}build/gl/group%2Fproject/main?build_only=true"

        async def first(headers: dict[str, str]) -> dict[str, Any]:
            async with ada.client.stream("GET", build, headers=STREAM | headers) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        event: dict[str, Any] = json.loads(line.removeprefix("data:"))
                        return event
            raise AssertionError("no event came")

        assert (await first({}))["status_code"] == (await first({"X-Xsrftoken": "other"}))["status_code"] == 403
        assert (await first({"X-Xsrftoken": str(xsrf)}))["phase"] != "failed"
        ordered = await ada.client.post(f"{hub}{SERVICE}api/builds", json={"spec": "org/repo"})
        assert ordered.status_code == 403


PULL = "git-pull?repo=https%3A%2F%2Fgithub.com%2Forg%2Fcourse&urlpath=lab%2Ftree%2Fcourse%2Fa+b.ipynb&branch=main"
"""What nbgitpuller's link generator writes, letter for letter (``docs/_static/link_gen/link.js``)."""


async def test_12_the_link_generators_links_for_a_hub_lead_through_the_form_to_the_server(hub: str) -> None:
    """Its two links for a hub, and the target of its one for Canvas, keep their query through login, form and start."""
    after_login = quote(f"/some/base/hub/user-redirect/{PULL}", safe="")
    for name, link in (
        ("alan", f"/hub/user-redirect/{PULL}"),
        ("emmy", f"/hub/login?next={after_login}"),
    ):
        async with logged_in(hub, name) as user:
            form = await user.client.get(f"{hub}{link}")
            assert f"/hub/spawn/{name}?next=" in str(form.url)
            await user.client.post(str(form.url), params={"_xsrf": told(form)["xsrf"]}, data={"profile": "own"})
            await user.progress()
            there = await user.client.get(f"{hub}{link}")
            assert str(there.url) == f"{hub}/user/{name}/{PULL}" and there.json()["image"]
    async with logged_in(hub, "ada") as ada:
        named = await ada.client.get(f"{hub}/hub/user-redirect/second/{PULL}")
        (back,) = parse_qs(urlsplit(str(named.url)).query).get("next") or [urlsplit(str(named.url)).path]
        assert back.endswith(f"/user/ada/second/{PULL}"), named.url


@pytest.mark.parametrize("link", ["gh/org/env/main", "gl/g%2Fp/main"])
async def test_12_its_link_for_a_binder_fills_the_spawn_page_in(hub: str, link: str) -> None:
    """Where the hub has its host to itself: what is encoded in the link stays encoded, and so does its query."""
    async with logged_in(hub, "ada") as ada:
        answer = await ada.client.get(f"{hub}/v2/{link}?urlpath={quote(PULL, safe='')}")
    found = parse_qs(urlsplit(str(answer.url)).query)
    assert answer.status_code == 200 and urlsplit(str(answer.url)).path.endswith("/hub/spawn")
    assert [f"/v2/{link}"] in found.values() and found["urlpath"] == [PULL], answer.url


async def test_the_hubs_links_are_read_as_they_were_meant_and_refused_where_they_are_too_long(hub: str) -> None:
    """A second ``?`` is an ``&``; what no proxy would let through after the login gets a sentence, and no redirect."""
    long = f"gh/org/env/main?packages={'numpy%2C' * 1900}"
    async with logged_in(hub, "ada") as ada:
        answer = await ada.client.get(f"{hub}/hub/v2/gh/org/env/main?packages=numpy?urlpath=lab")
        found = parse_qs(urlsplit(str(answer.url)).query)
        assert (found["packages"], found["urlpath"]) == (["numpy"], ["lab"]), answer.url
        refused = await ada.client.get(f"{hub}/hub/v2/{long}", headers={"Accept-Language": "de"})
        assert refused.status_code == 414 and "Dieser Link ist länger" in refused.text
        page = await ada.client.get(f"{hub}{SERVICE}v2/{long}", headers={"Sec-Fetch-Dest": "document"})
        assert page.status_code == 414 and "longer than many proxies let through" in page.text
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(f"{hub}/hub/v2/{long}")).status_code == 414


async def test_a_start_that_fails_is_tried_again(open_hub: str, open_folder: Path) -> None:
    """It is said, and the second attempt is ready; of the attempts that failed no temporary user stays."""
    async with logged_in(open_hub, "boss") as boss:

        async def temporary() -> set[str]:
            return {user["name"] for user in (await boss.api("GET", "users")).json()} - {"boss"}

        before = await temporary()
        (open_folder / "fail").write_text("x")
        events = await events_of(open_hub, "gh/org/again/HEAD", STREAM)
        said = [event["message"] for event in events]
        assert said.count("Launch attempt 1 failed, retrying...\n") == 1 and events[-1]["phase"] == "ready", said
        (name,) = await temporary() - before
        assert f"/user/{name}/" in events[-1]["url"]
        (open_folder / "fail").write_text("xx")
        last = (await events_of(open_hub, "gh/org/never/HEAD", STREAM))[-1]
        assert (last["phase"], last["status_code"]) == ("failed", 503) and "did not start" in last["message"]
        assert await temporary() - before == {name}


async def test_two_tabs_of_one_link_get_one_server(hub: str, hub_folder: Path) -> None:
    """The second joins the start that the first asked for, and is told the same address."""
    async with logged_in(hub, "grace") as grace:
        headers = STREAM | {"Authorization": f"token {await token_of(grace, ['access:services!service=binder'])}"}
        (hub_folder / "hold").touch()
        tabs = []
        for _ in range(2):
            relayed = asyncio.Event()
            tabs.append(asyncio.create_task(events_of(hub, "gh/org/tabs/HEAD", headers, relayed)))
            async with asyncio.timeout(200):
                await relayed.wait()
        (hub_folder / "hold").unlink()
        ends = [events[-1] for events in await asyncio.gather(*tabs)]
        assert [end["phase"] for end in ends] == ["ready", "ready"], ends
        assert ends[0]["url"] == ends[1]["url"]


@pytest.mark.browser
async def test_a_person_who_comes_from_a_badge_ends_in_the_server(open_hub: str) -> None:
    """The page, its button, the log, and the server at the path that the link names."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(90_000)
        await page.goto(f"{open_hub}{SERVICE}v2/gh/org/repo/HEAD?labpath=a%20b.ipynb")
        await page.get_by_role("button", name="Build and start").click()
        await page.wait_for_url(re.compile(r"/user/requirements-[a-z0-9]+/doc/tree/a%20b\.ipynb\?token=\w+$"))
        assert BUILT.image in await page.content()
        await browser.close()


@pytest.fixture
def narrow_hub(tmp_path: Path) -> Iterator[str]:
    """The same, with one server for each user."""
    with any_hub(tmp_path, TEST_LAUNCH="users", TEST_ONE_SERVER="1") as base:
        yield base


async def test_where_there_are_no_named_servers_it_is_the_default_one(narrow_hub: str) -> None:
    """Another one that runs in its place is kept, and the refusal says so; strangers are refused with 403."""
    (refused,) = await events_of(narrow_hub, "gh/org/repo/HEAD", STREAM)
    assert refused["status_code"] == 403
    async with logged_in(narrow_hub, "ada") as ada:
        headers = STREAM | {"Authorization": f"token {await token_of(ada, ['access:services!service=binder'])}"}
        await ada.api("POST", "users/ada/server", json={"user_options": {"profile": "own"}})
        kept = (await events_of(narrow_hub, "gh/org/repo/HEAD", headers))[-1]
        assert (kept["phase"], kept["status_code"]) == ("failed", 409) and "Stop it" in kept["message"], kept
        assert (await ada.running())["user_options"] == {"profile": "own"}
        last = (await events_of(narrow_hub, "gh/org/repo/HEAD", headers))[-1]
        assert last.get("url") == f"{narrow_hub}/user/ada/", last


@pytest.mark.parametrize(
    "change",
    [{"image": "other/x:1"}, {"hubkiln-launch": "forged"}, {"repo_url": "https://elsewhere.example"}],
)
async def test_nobody_else_can_order_a_launch(hub: str, change: dict[str, str]) -> None:
    """Options that look like a launch of ours, with another image, mark or word, start nothing of that."""
    async with logged_in(hub, "eve") as eve:
        options = {"image": "other/x:1", "repo_url": "https://github.com/o/r", "hubkiln-launch": "x.y"} | change
        answer = await eve.api("POST", "users/eve/server", json={"user_options": options})
        assert answer.status_code in (400, 403), answer.text
        assert "" not in (await eve.api("GET", "users/eve")).json()["servers"]


async def test_a_refused_request_does_not_stay_for_the_next(hub: str) -> None:
    """After a refusal, a start without options is what passed last; of who never started, the default."""
    async with logged_in(hub, "grace") as grace:
        refused = await grace.api("POST", "users/grace/server", json={"user_options": {"profile": "nope"}})
        assert refused.status_code == 400
        assert (await grace.api("POST", "users/grace/server")).status_code in (201, 202)
        assert (await grace.running())["image"] == "listed/small:1"
        await grace.api("POST", "users/grace/server", json={"user_options": {"profile": "own"}})
        assert (await grace.running())["image"] == "usual:1"
        for refused in ({"profile": "cpu", "image": "nope"}, {"profile": "cpu", "image--unlisted-choice": "other/x:1"}):
            await grace.api("POST", "users/grace/server", json={"user_options": refused})
            assert (await grace.api("POST", "users/grace/server")).status_code in (201, 202)
            assert (await grace.running())["image"] == "usual:1"
