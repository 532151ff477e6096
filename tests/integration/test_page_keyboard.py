"""The pages without a mouse, and as programs that read them aloud know them: real Chromium, real hub, real service.

Where the focus is, what it is called and what it is, come from Chromium's accessibility tree, as screen readers get it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from any_hub import any_hub
from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui/node_modules/axe-core/axe.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

pytestmark = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not AXE.exists(), reason="the front end's packages are not installed (make test does it)"),
]

OPERABLE = {"button", "link", "textbox", "searchbox", "radio", "checkbox", "combobox", "listbox", "DisclosureTriangle"}
"""Roles that somebody can do something with; each needs a name."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[str]:
    with any_hub(folder, TEST_SPAWNER="LocalSpawner", TEST_LAUNCH="users") as base:
        yield base


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


@dataclass
class Keyboard:
    """Somebody who has a keyboard and no mouse."""

    page: Page
    cdp: CDPSession
    steps: list[str] = field(default_factory=list)

    @classmethod
    async def logged_in(cls, browser: Browser, hub: str, name: str, **options: Any) -> Keyboard:
        """At the hub's home page, with a session of their own."""
        context = await browser.new_context(**options)
        page = await context.new_page()
        await page.goto(f"{hub}/hub/login?next=%2Fsome%2Fbase%2Fhub%2Fhome")
        await page.get_by_label("Username").fill(name)
        await page.get_by_label("Password").fill("x")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/hub/home")
        cdp = await context.new_cdp_session(page)
        await cdp.send("Accessibility.enable")
        return cls(page, cdp)

    async def at(self) -> str:
        """Role and name of what has the focus."""
        held = (await self.cdp.send("Runtime.evaluate", {"expression": "document.activeElement"}))["result"]
        tree = await self.cdp.send(
            "Accessibility.getPartialAXTree", {"objectId": held["objectId"], "fetchRelatives": False}
        )
        node = tree["nodes"][0]
        return f"{node.get('role', {}).get('value')} {node.get('name', {}).get('value', '')}".strip()

    async def focus_is(self, what: str) -> None:
        """Waits until the focus is where it must be, by itself."""
        async with Within(self, what) as until:
            while not re.fullmatch(what, await self.at()):
                await until.later()

    async def tab(self, what: str, most: int = 25, key: str = "Tab") -> None:
        """Press the key until the focus is on `what`; it is never lost on the way."""
        passed = []
        for _ in range(most):
            await self.page.keyboard.press(key)
            passed.append(await self.at())
            if re.fullmatch(what, passed[-1]):
                return
        raise AssertionError(f"{what!r} was not reached by {key}, which led to {passed}")

    async def press(self, *keys: str) -> None:
        """These keys, one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        """Into what has the focus."""
        await self.page.keyboard.type(text)

    async def checked(self, state: str) -> None:
        """What can be done has a name, and axe has nothing to say against our part of the page."""
        tree = await self.cdp.send("Accessibility.getFullAXTree")
        for node in tree["nodes"]:
            role, name = node.get("role", {}).get("value"), node.get("name", {}).get("value", "")
            assert node.get("ignored") or role not in OPERABLE or name.strip(), (state, node)
        if not await self.page.evaluate("'axe' in window"):
            await self.cdp.send("Runtime.evaluate", {"expression": AXE.read_text()})  # past the page's own policy
        found = await self.page.evaluate(
            "axe.run('#hubkiln', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],"
            " resultTypes: ['violations']}).then((found) => found.violations.map((one) => [one.id, one.help,"
            " one.nodes.map((node) => node.html).slice(0, 3)]))"
        )
        assert found == [], (state, found)


class Within:
    """Ten seconds of looking again; then what is found instead is told."""

    def __init__(self, who: Keyboard, what: str) -> None:
        self._who, self._what, self._left = who, what, 200

    async def __aenter__(self) -> Within:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def later(self) -> None:
        """Wait for a picture or two of the page."""
        self._left -= 1
        if not self._left:
            raise AssertionError(f"the focus is on {await self._who.at()!r}, not on {self._what!r}")
        await self._who.page.wait_for_timeout(50)


async def test_what_happens_is_told_in_regions_that_were_there_before(hub: str, folder: Path, browser: Browser) -> None:
    """A screen reader announces only what changes in a region that it already knows."""
    (folder / "go").unlink(missing_ok=True)
    lea = await Keyboard.logged_in(browser, hub, "lea")
    await lea.page.goto(f"{hub}/hub/v2/gh/lab/tides/waits")
    await expect(lea.page.get_by_role("textbox", name="Repository")).to_have_value("lab/tides")
    marks = "for (const one of document.querySelectorAll('[role=status]')) one.dataset.known = '1'"
    await lea.page.evaluate(marks)
    await lea.page.keyboard.press("Enter")
    await lea.tab("button Build and start")
    await lea.press("Enter")
    await lea.focus_is("heading lab/tides")
    told = lea.page.locator("[role=status][data-known]")
    await expect(told.filter(has_text="Checking that Jupyter starts in it")).to_have_count(1)
    tree = await lea.cdp.send("Accessibility.getFullAXTree")
    live = [node for node in tree["nodes"] if node.get("role", {}).get("value") == "status"]
    assert live and all(
        {one["name"]: one["value"].get("value") for one in node["properties"]}.get("live") == "polite" for node in live
    )
    (folder / "go").touch()
    await lea.page.wait_for_url(f"{hub}/user/lea/**", timeout=60_000)
    await lea.page.context.close()


SIZES = [
    pytest.param({"viewport": {"width": 320, "height": 640}}, id="phone"),  # also 1280 pixels at 400 %
    pytest.param({"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}, id="zoomed"),
]


@pytest.mark.parametrize("options", SIZES)
async def test_small_screens(hub: str, folder: Path, browser: Browser, options: dict[str, Any]) -> None:
    """Nothing is cut off to the side, in German words too, and all of it works by keys."""
    (folder / "go").unlink(missing_ok=True)
    mia = await Keyboard.logged_in(browser, hub, f"mia{len(options)}{len(str(options))}", locale="de-DE", **options)
    await mia.page.goto(f"{hub}/hub/v2/gh/lab/a-repository-with-quite-a-long-name-that-cannot-be-broken/waits")
    button = mia.page.get_by_role("button", name="Bauen und starten")
    await expect(mia.page.get_by_role("textbox", name="Repository")).to_have_value(re.compile("^lab/a-repository"))
    assert await mia.page.get_attribute("#hubkiln", "lang") == "de"
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await mia.page.evaluate(wide) <= 0
    await button.press("Enter")
    await mia.focus_is("heading lab/a-repository.*")
    await mia.checked("running")
    assert await mia.page.evaluate(wide) <= 0
    await mia.tab("button Build abbrechen")
    await mia.press("Enter")
    await expect(mia.page.get_by_role("button", name="Noch einmal bauen")).to_be_visible()
    await mia.page.context.close()
