"""The spawn page and the hub's login, in a real browser at a real hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from any_hub import any_hub
from playwright.async_api import BrowserContext, Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

pytestmark = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with any_hub(tmp_path_factory.mktemp("hub"), TEST_SPAWNER="SomeSpawner") as base:
        yield base


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await started.new_context()
        await started.close()


async def log_in(page: Page, hub: str, name: str) -> None:
    await page.goto(f"{hub}/hub/login?next=%2Fsome%2Fbase%2Fhub%2Fhome")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/hub/home")


async def test_a_login_that_ended_elsewhere_loses_nothing(hub: str, browser: BrowserContext) -> None:
    """After a log-out in another tab the page says so and stays; after the next login its Start goes through."""
    page, other = await browser.new_page(), await browser.new_page()
    await log_in(page, hub, "eve")
    await page.goto(f"{hub}/hub/spawn")
    start = page.get_by_role("button", name="Start", exact=True)
    await expect(start).to_be_visible()
    await other.goto(f"{hub}/hub/logout")
    await start.click()
    await expect(page.get_by_text("You are not logged in any more.")).to_be_visible()
    link = await page.get_by_role("link", name="Log in again").get_attribute("href")
    assert link == "/some/base/hub/login"
    await log_in(other, hub, "eve")
    await start.click()
    await page.wait_for_url("**/user/eve/**", timeout=60_000)


async def test_a_login_of_somebody_else_starts_nothing(hub: str, browser: BrowserContext) -> None:
    """What one user chose is not started for the next one who logs in."""
    page, other = await browser.new_page(), await browser.new_page()
    await log_in(page, hub, "fay")
    await page.goto(f"{hub}/hub/spawn")
    start = page.get_by_role("button", name="Start", exact=True)
    await expect(start).to_be_visible()
    await other.goto(f"{hub}/hub/logout")
    await log_in(other, hub, "gus")
    await start.click()
    await expect(page.get_by_text("You are logged in as gus now.")).to_be_visible()
