"""Servers beside one another, stopped and removed by keys: real Chromium, a hub that lets each user have two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from any_hub import any_hub
from keyboard import Keyboard, by_keys
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SOON = 90_000

pytestmark = by_keys


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    variables = {"TEST_SPAWNER": "LocalSpawner", "TEST_LAUNCH": "users", "TEST_MOST_NAMED": "1", "TEST_SCRIPT": "paced"}
    with any_hub(tmp_path, **variables) as base:
        yield base


async def build(page: Page, hub: str, repository: str) -> None:
    """Build it from the form, and leave it before its server starts."""
    await page.goto(f"{hub}/hub/v2/gh/{repository}/HEAD")
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value(repository, timeout=SOON)
    await page.get_by_role("button", name="Build and start").click()
    await page.get_by_role("button", name="Leave it running").click()


async def start(page: Page, hub: str, name: str, link: str) -> None:
    """From the list, and through the form, which is filled in."""
    await page.goto(f"{hub}/hub/environments")
    await page.get_by_role("link", name=link, exact=True).click()
    await expect(page.get_by_role("radio", name=name)).to_be_checked(timeout=SOON)
    await page.get_by_role("button", name="Start", exact=True).click()


async def test_servers_beside_one_another(hub: str, tmp_path: Path) -> None:
    """Both run, each in its own; one too many is not offered, and its address says why; then one is removed."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await (await chromium.new_context()).new_page()
        page.set_default_timeout(SOON)
        await page.goto(f"{hub}/hub/login?next=%2Fsome%2Fbase%2Fhub%2Fhome")
        await page.get_by_label("Username").fill("sid")
        await page.get_by_label("Password").fill("x")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/hub/home")
        names = ("lab/one", "lab/two", "lab/three")
        (tmp_path / "still").touch()  # no build ends before it was left: it would start a server
        for name in names:
            await build(page, hub, name)
        (tmp_path / "still").unlink()
        await page.goto(f"{hub}/hub/environments")
        for name in names:
            await expect(page.get_by_role("link", name=f"Start {name}", exact=True)).to_be_visible(timeout=SOON)

        await start(page, hub, "lab/one", "Start lab/one")
        await page.wait_for_url(f"{hub}/user/sid/**")
        await start(page, hub, "lab/two", "Start beside: lab/two")
        await page.wait_for_url(f"{hub}/user/sid/lab-two/**")
        for name in names[:2]:
            await page.goto(f"{hub}/hub/environments")
            await page.get_by_role("link", name=f"Open {name}", exact=True).click()
            await expect(page.get_by_text(f"hubkiln.local/{name}:made").first).to_be_visible(timeout=SOON)

        await page.goto(f"{hub}/hub/spawn/sid/lab-three")
        await expect(page.get_by_role("heading", name="You have as many servers as this hub allows")).to_be_visible()
        await expect(page.get_by_role("listitem").filter(has_text="lab-two")).to_contain_text("running")
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name="Your servers").click()
        page = await opened.value
        await expect(page.get_by_text("Starts once you have removed a server")).to_be_visible(timeout=SOON)
        sid = await Keyboard.at_page(page)
        await sid.checked("full")
        await sid.open("button Stop lab-two")
        await sid.hears("Stopped: lab-two")
        await expect(page.get_by_role("link", name="Start beside: lab/two", exact=True)).to_be_visible(timeout=SOON)
        await sid.open("link lab/two", most=60)
        await sid.focus_is("heading lab/two")
        await expect(page.get_by_role("link", name="Start beside", exact=True)).to_be_visible(timeout=SOON)
        await sid.open("DisclosureTriangle Delete", most=60)
        await sid.open("button Delete it")
        await sid.hears("Deleted: lab/two")
        await expect(page.get_by_role("link", name="lab/two", exact=True)).not_to_be_attached(timeout=SOON)
        await expect(page.get_by_role("link", name="Open lab/one", exact=True)).to_be_visible()
        await sid.open("button Remove lab-two")
        await sid.focus_is("generic.*|.*Files that this hub keeps.*")
        await sid.checked("removing")
        await sid.open("button Remove it")
        await sid.hears("Removed: lab-two")
        assert await sid.at() not in ("", "RootWebArea", "generic")
        await expect(page.get_by_role("link", name="Start beside: lab/three", exact=True)).to_be_visible(timeout=SOON)
        await chromium.close()
