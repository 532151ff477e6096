"""Links and strangers' texts in a real browser, at the hub of `hubkiln up`: shown as they are, and nothing begins."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from embedded import PASSWORD, start
from playwright.async_api import Page, async_playwright, expect

from git_server import GitServer, make_repository

CHROMIUM = "/usr/bin/chromium"
MARKUP = '"><img src=x onerror=window.hit=1><script>window.hit=2</script>'
SLOW = 120_000

pytestmark = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.sandbox,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub on this machine, as anybody starts it."""
    running = start(tmp_path_factory.mktemp("up") / "data")
    yield running.hub
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A repository whose name and whose recipe are markup."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        name = MARKUP.replace("/", "-") + ".git"
        make_repository(server.root / name, {"requirements.txt": f"{MARKUP}\n"})
        yield server.url(quote(name))


@pytest.fixture
async def page(hub: str) -> AsyncIterator[Page]:
    """The spawn page of somebody whose name is markup."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = await browser.new_page()
        page.set_default_timeout(SLOW)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        await page.goto(f"{hub}/hub/login")
        await page.fill("input[name=username]", "<img src=x onerror=window.hit=1>")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("[type=submit]")
        await page.get_by_role("heading", name="Environment").wait_for()
        yield page
        assert await page.evaluate("window.hit") is None
        await browser.close()


async def servers(page: Page) -> object:
    """What the hub says of the user's servers."""
    return await page.evaluate(
        """async () => {
            const {user, hubApi, xsrf} = JSON.parse(document.getElementById("hubkiln-page").textContent);
            const address = hubApi + "users/" + encodeURIComponent(user) + "?_xsrf=" + encodeURIComponent(xsrf);
            return (await (await fetch(address)).json()).servers;
        }"""
    )


def link(hub: str, **options: str) -> str:
    """An address of the spawn page; ``__`` stands for what belongs before an option's name."""
    query = {f"opt-profile-option-server--{name}": value for name, value in options.items()}
    return f"{hub}/hub/spawn?{urlencode({'opt-profile': 'server'} | query)}"


async def test_a_link_fills_the_form_in_and_its_reader_starts(page: Page, hub: str) -> None:
    """The image asked for stands in its field, letter by letter, and nothing runs; the hub refuses it when asked."""
    await page.goto(link(hub, **{"image--unlisted-choice": MARKUP}))
    await expect(page.get_by_text("A link filled this form in.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Image", exact=True)).to_have_value(MARKUP)
    assert await servers(page) == {}
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_text("Write it like registry/name:tag.").first).to_be_visible()
    assert await page.evaluate("window.hit") is None
    await page.goto(f"{hub}/hub/spawn")
    assert await servers(page) == {}


async def test_a_link_with_a_repository_builds_nothing(page: Page, hub: str, repository: str) -> None:
    """Until the button is pressed; then name and complaint of a hostile repository are text."""
    await page.goto(link(hub, **{"image--unlisted-choice--repo": repository}))
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value(repository)
    await expect(page.get_by_text("A link filled this form in.")).to_be_visible()
    assert await page.get_by_role("button", name="Cancel").count() == 0
    await page.get_by_role("button", name="Build and start").click()
    await expect(page.get_by_text("window.hit=1").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await page.evaluate("window.hit") is None and await page.locator("#hubkiln img").count() == 0
