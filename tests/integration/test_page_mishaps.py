"""What happens to people between a press and its answer: real Chromium, real hub, real service.

Two tabs, presses that are too many, Back, a network or a service that goes away, a clock that is wrong. Each ends in
a sentence or goes on by itself; nothing is asked for twice and nothing is lost.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from any_hub import HubProcess, hub_process
from playwright.async_api import BrowserContext, Page, Request, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SOON = 90_000
"""Milliseconds that a busy machine may take."""

pytestmark = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("hub"), TEST_SPAWNER="LocalSpawner", TEST_LAUNCH="users") as running:
        yield running


@pytest.fixture
async def browser(hub: HubProcess) -> AsyncIterator[BrowserContext]:
    """A browser without a login; builds of the ref ``waits`` wait."""
    (hub.folder / "go").unlink(missing_ok=True)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await started.new_context()
        context.set_default_timeout(SOON)
        yield context
        await started.close()
    (hub.folder / "go").touch()
    async with asyncio.timeout(200):
        while under_way(hub):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def under_way(hub: HubProcess) -> int:
    """Builds that have not ended."""
    with closing(sqlite3.connect(hub.folder / "builds.sqlite")) as database:
        ended = "('ready', 'failed', 'cancelled', 'interrupted')"
        (count,) = database.execute(f"SELECT count(*) FROM builds WHERE state NOT IN {ended}").fetchone()
    return int(count)


async def log_in(page: Page, hub: HubProcess, name: str) -> None:
    await page.goto(f"{hub.base}/hub/login?next=%2Fsome%2Fbase%2Fhub%2Fhome")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/hub/home")


async def ask_for(page: Page, hub: HubProcess, repository: str, ref: str = "HEAD") -> None:
    """Open the form, filled in; the one press is left."""
    await page.goto(f"{hub.base}/hub/v2/gh/{repository}/{ref}")
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value(repository, timeout=SOON)


def sent(page: Page, path: str) -> list[str]:
    """Grows with each request that changes something, whose path ends like that."""
    found: list[str] = []

    def look(request: Request) -> None:
        if request.method != "GET" and re.search(f"{path}$", request.url.partition("?")[0]):
            found.append(request.method)

    page.on("request", look)
    return found


async def says(page: Page, text: str) -> None:
    await expect(page.get_by_text(text, exact=False).first).to_be_visible(timeout=SOON)


async def test_what_is_pressed_twice_is_asked_for_once(hub: HubProcess, browser: BrowserContext) -> None:
    """Build and start, then Delete, then Start."""
    page = await browser.new_page()
    await log_in(page, hub, "ann")
    builds, deleted, starts = sent(page, "api/builds"), sent(page, r"api/environments/\w+"), sent(page, "hub/spawn")
    await ask_for(page, hub, "lab/twice")
    await page.get_by_role("button", name="Build and start").dblclick()
    await page.wait_for_url(f"{hub.base}/user/ann/**")
    assert (builds, starts) == (["POST"], ["POST"])
    await page.goto(f"{hub.base}/hub/environments")
    await page.get_by_role("button", name="Stop the default server").dblclick()
    await expect(page.get_by_role("heading", name="Your servers")).not_to_be_attached(timeout=SOON)
    await page.get_by_role("link", name="lab/twice", exact=True).click()
    await page.get_by_text("Delete", exact=True).click()
    await page.get_by_role("button", name="Delete it").dblclick()
    await says(page, "You have no environments yet.")
    assert deleted == ["DELETE"]
    await page.goto(f"{hub.base}/hub/spawn")
    await page.get_by_role("radio", name="Listed").check()
    await page.get_by_role("button", name="Start", exact=True).dblclick()
    await page.wait_for_url(f"{hub.base}/user/ann/**")
    assert starts == ["POST", "POST"]


NAMES = ("humanize rich", "humanize", "inline%2Fhumanize%2Crich")
NOTEBOOK = ("https://github.com/lab/waves/blob/main/a.ipynb", "waves", "hubkiln-open=a.ipynb")


@pytest.mark.parametrize(("typed", "understood", "started"), [NAMES, NOTEBOOK], ids=["names", "notebook"])
async def test_a_press_is_not_lost_when_the_field_before_it_changes(
    hub: HubProcess, browser: BrowserContext, typed: str, understood: str, started: str
) -> None:
    """What was just typed is written as it was understood, and yet the button that is pressed stays where it is."""
    page = await browser.new_page()
    await log_in(page, hub, f"quick{len(typed)}")
    await page.set_viewport_size({"width": 1000, "height": 1600})  # in which nothing scrolls
    await page.goto(f"{hub.base}/hub/spawn")
    await page.locator(".hk-segment", has_text="Repository").click()
    await page.get_by_role("textbox", name="Repository", exact=True).fill(typed)
    await expect(page.locator(".hk-understood")).to_contain_text(understood, timeout=SOON)
    await page.get_by_role("button", name="Build and start").hover()
    async with page.expect_request(lambda request: "hub/spawn" in request.url and request.method == "POST") as sent:
        await page.mouse.down()
        for _ in range(3):  # pictures pass while a finger is down
            await page.evaluate("new Promise((shown) => requestAnimationFrame(shown))")
        await page.mouse.up()
    assert started in ((await sent.value).post_data or "")


async def test_two_tabs_tell_the_same(hub: HubProcess, browser: BrowserContext) -> None:
    """
    A build watched in both and called off in one; what one has deleted, and a server that one has started.

    The tab that is used is in front: Chromium draws what is behind once a second, for which each press would wait.
    """
    other, one = await browser.new_page(), await browser.new_page()
    await log_in(one, hub, "bea")
    await ask_for(one, hub, "lab/tabs", "waits")
    await one.get_by_role("button", name="Build and start").click()
    await expect(one.get_by_role("button", name="Cancel build")).to_be_visible(timeout=SOON)
    await other.bring_to_front()
    await other.goto(f"{hub.base}/hub/spawn")
    await other.get_by_role("button", name="Watch").click()
    await other.get_by_role("button", name="Cancel build").click()
    for page in (one, other):
        await says(page, "The build was cancelled")

    await one.bring_to_front()
    await ask_for(one, hub, "lab/gone")
    await one.get_by_role("button", name="Build and start").click()
    await one.wait_for_url(f"{hub.base}/user/bea/**")
    await one.goto(f"{hub.base}/hub/environments")
    await one.get_by_role("button", name="Stop the default server").click()
    await expect(one.get_by_role("heading", name="Your servers")).not_to_be_attached(timeout=SOON)
    await other.bring_to_front()
    await other.goto(f"{hub.base}/hub/spawn")
    await other.get_by_role("radio", name="lab/gone").check()
    await one.bring_to_front()
    await one.get_by_role("link", name="lab/gone", exact=True).click()
    await one.get_by_text("Delete", exact=True).click()
    await one.get_by_role("button", name="Delete it").click()
    await says(one, "You have no environments yet.")
    await other.bring_to_front()
    await other.get_by_role("button", name="Start", exact=True).click()
    await expect(other.get_by_role("alert")).to_contain_text(re.compile("deleted it|not known here"), timeout=SOON)

    for page in (other, one):
        await page.bring_to_front()
        await page.goto(f"{hub.base}/hub/spawn")
        await page.get_by_role("radio", name="Listed").check()
    await one.get_by_role("button", name="Start", exact=True).click()
    await one.wait_for_url(f"{hub.base}/user/bea/**")
    await other.bring_to_front()
    await other.get_by_role("button", name="Start", exact=True).click()
    await says(other, "A server of yours is running or starting already")
    async with other.expect_popup() as opened:
        await other.get_by_role("link", name="Open", exact=True).click()
    await (await opened.value).wait_for_url(f"{hub.base}/user/bea/**")


async def test_what_is_anothers_is_not_there_whoever_types_its_id(hub: HubProcess, browser: BrowserContext) -> None:
    """An environment and a build, typed into the address of each page: a sentence, nothing of them, a whole form."""
    page = await browser.new_page()
    await log_in(page, hub, "gil")
    await ask_for(page, hub, "lab/secret")
    async with page.expect_request(re.compile("/api/builds/[^/]+/events")) as followed:
        await page.get_by_role("button", name="Build and start").click()
    build = (await followed.value).url.split("/")[-2]
    await page.wait_for_url(f"{hub.base}/user/gil/**")
    await page.goto(f"{hub.base}/hub/environments")
    its = await page.get_by_role("link", name="lab/secret", exact=True).get_attribute("href")
    assert its and re.fullmatch(r"#\w+", its)
    await browser.clear_cookies()
    page = await browser.new_page()
    await log_in(page, hub, "hal")
    gone = "The environment that the link leads to is gone, or not yours to use."
    for address, says_so in (
        (f"environments{its}", "There is no such environment."),
        (f"environments#{'x' * 10_000}", "There is no such environment."),
        (f"spawn#environment={its[1:]}", gone),
        (f"spawn#environment={'x' * 1_000}", gone),
        (f"spawn#build={build}&L1", "The log that the link leads to is gone, or not yours to read."),
    ):
        await page.goto("about:blank")  # for else only what is behind the # changes
        await page.goto(f"{hub.base}/hub/{address}")
        await expect(page.get_by_text(says_so), address[:60]).to_be_visible(timeout=SOON)
        assert "lab/secret" not in await page.content()
        if address.startswith("spawn"):
            await expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


async def test_back_and_forward_lead_between_the_form_and_the_build(hub: HubProcess, browser: BrowserContext) -> None:
    """While it runs, and after it failed, with its log."""
    page = await browser.new_page()
    await log_in(page, hub, "cai")
    for ref, state in (("waits", "Checking that Jupyter starts"), ("failed", "Its own instructions failed.")):
        await ask_for(page, hub, "lab/back", ref)
        await page.get_by_role("button", name="Build and start").click()
        await says(page, state)
        for _ in range(2):
            await page.go_back()
            await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("lab/back")
            await page.go_forward()
            await says(page, state)
            await says(page, "Downloading numpy")


async def test_a_network_that_goes_away_loses_nothing(hub: HubProcess, browser: BrowserContext) -> None:
    """It is said at once; what is pressed meanwhile is answered; the build's end starts the server when it is back."""
    page = await browser.new_page()
    await log_in(page, hub, "dee")
    await ask_for(page, hub, "lab/offline", "waits")
    await page.get_by_role("button", name="Build and start").click()
    await says(page, "Downloading numpy")
    await browser.set_offline(True)
    await expect(page.get_by_text("Connection lost, reconnecting")).to_be_visible()
    await page.get_by_role("button", name="Cancel build").click()
    await says(page, "does not answer.")
    (hub.folder / "go").touch()
    await browser.set_offline(False)
    await page.wait_for_url(f"{hub.base}/user/dee/**")


async def test_a_clock_that_is_wrong_misleads_nobody(hub: HubProcess, browser: BrowserContext) -> None:
    """A day ahead or two behind, ages are those of the service's clock."""
    page = await browser.new_page()
    await log_in(page, hub, "eli")
    for days in (1, -2):
        wrong = await browser.new_page()
        await wrong.add_init_script(
            "const right = Date; globalThis.Date = class extends right {"
            f" constructor(...given) {{ super(...(given.length ? given : [right.now() + {days} * 864e5])); }}"
            f" static now() {{ return right.now() + {days} * 864e5; }} }};"
        )
        await ask_for(wrong, hub, f"lab/clock{days}", "waits")
        await wrong.get_by_role("button", name="Build and start").click()
        await says(wrong, "Downloading numpy")
        await expect(wrong.locator(".hk-elapsed")).to_have_text(re.compile(r"Elapsed: (\d+ s|[1-4] min \d+ s)$"))
        await wrong.get_by_role("button", name="Leave it running").click()
        await expect(wrong.get_by_text(re.compile("begun (just now|[1-4] minutes? ago)")).first).to_be_visible()
        await wrong.close()


async def test_a_restart_of_everything_in_the_middle_of_a_build(hub: HubProcess, browser: BrowserContext) -> None:
    """
    The service is killed, the page's token revoked, the hub begun again: the page waits, the build goes on, and starts.

    Nobody has to press anything.
    """
    page = await browser.new_page()
    await log_in(page, hub, "flo")
    await ask_for(page, hub, "lab/restart", "waits")
    await page.get_by_role("button", name="Build and start").click()
    await says(page, "Downloading numpy")
    revoked = await page.evaluate(
        "(async () => { const at = `${jhdata.base_url}api/users/${jhdata.user}/tokens`;"
        " const xsrf = `?_xsrf=${jhdata.xsrf_token}`, { api_tokens } = await (await fetch(at + xsrf)).json();"
        " const ends = api_tokens.map(({ id }) => fetch(`${at}/${id}${xsrf}`, { method: 'DELETE' }));"
        " return (await Promise.all(ends)).map(({ status }) => status); })()"
    )
    assert revoked and set(revoked) == {204}
    os.kill(service_of(hub), signal.SIGKILL)
    await says(page, "Connection lost, reconnecting")
    await asyncio.to_thread(hub.end)
    await page.get_by_role("button", name="Cancel build").click()
    await says(page, "does not answer.")
    await asyncio.to_thread(hub.begin)
    await says(page, "another begins anew")
    (hub.folder / "go").touch()
    await page.wait_for_url(f"{hub.base}/user/flo/**")


def service_of(hub: HubProcess) -> int:
    """The process of the hub's service."""
    assert hub.process is not None
    children = Path(f"/proc/{hub.process.pid}/task/{hub.process.pid}/children").read_text().split()
    found = list[int]()
    for pid in children:
        with suppress(OSError):  # it has ended
            if b"web_service.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    (service,) = found
    return service
