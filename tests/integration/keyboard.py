"""Somebody who has a keyboard and no mouse, in real Chromium: where the focus is, and what screen readers are told.

Where it is, what it is called and what it is, come from Chromium's accessibility tree, as screen readers get it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

AXE = Path(__file__).parents[2] / "ui/node_modules/axe-core/axe.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

by_keys = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not AXE.exists(), reason="the front end's packages are not installed (make test does it)"),
]
"""What tests with a keyboard need."""

OPERABLE = {"button", "link", "textbox", "searchbox", "radio", "checkbox", "combobox", "listbox", "DisclosureTriangle"}
"""Roles that somebody can do something with; each needs a name."""

RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's browser, closed at the end."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield started
        finally:
            await started.close()


@dataclass
class Keyboard:
    """Somebody at a page."""

    page: Page
    cdp: CDPSession

    @classmethod
    async def logged_in(cls, browser: Browser, hub: str, name: str, password: str = "x", **options: Any) -> Keyboard:
        """At the hub's home page, with a session of their own."""
        context = await browser.new_context(**options)
        context.set_default_timeout(90_000)  # milliseconds: the machine is busy
        page = await context.new_page()
        await page.goto(f"{hub}/hub/login?next={quote(urlsplit(hub).path + '/hub/home', safe='')}")
        await page.get_by_label("Username").fill(name)
        await page.get_by_label("Password").fill(password)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/hub/home")
        return await cls.at_page(page)

    @classmethod
    async def at_page(cls, page: Page) -> Keyboard:
        """At a page that is there."""
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Accessibility.enable")
        return cls(page, cdp)

    async def at(self) -> str:
        """Role and name of what has the focus; "" for nothing."""
        held = (await self.cdp.send("Runtime.evaluate", {"expression": "document.activeElement"}))["result"]
        if "objectId" not in held:
            return ""  # between two pages
        asked = {"objectId": held["objectId"], "fetchRelatives": False}
        node = (await self.cdp.send("Accessibility.getPartialAXTree", asked))["nodes"][0]
        return f"{node.get('role', {}).get('value')} {node.get('name', {}).get('value', '')}".strip()

    async def focus_is(self, what: str, seconds: float = 60) -> None:
        """Waits until the focus is where it must be, by itself."""
        found = ""
        for _ in range(int(seconds * 20)):
            if re.fullmatch(what, found := await self.at()):
                return
            await self.page.wait_for_timeout(50)
        raise AssertionError(f"the focus is on {found!r}, not on {what!r}")

    async def tab(self, what: str, most: int = 30, key: str = "Tab") -> None:
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

    async def open(self, what: str, key: str = "Tab", most: int = 30) -> None:
        """Go to what is so called, and press Enter."""
        await self.tab(what, most, key)
        await self.press("Enter")

    async def type(self, text: str) -> None:
        """Into what has the focus, in the place of what is there."""
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.press("Delete")
        for number, line in enumerate(text.split("\n")):
            if number:
                await self.page.keyboard.press("Enter")
            await self.page.keyboard.type(line)

    async def told(self) -> list[str]:
        """What is in the page's live regions, each of which is polite or an alert."""
        tree = await self.cdp.send("Accessibility.getFullAXTree")
        names = {node["nodeId"]: node for node in tree["nodes"]}
        found = []
        for node in tree["nodes"]:
            live = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}.get("live")
            if live in ("polite", "assertive") and not node.get("ignored"):
                found.append(" ".join(_texts(node, names)))
        return [text for text in found if text]

    async def hears(self, words: str, seconds: float = 60) -> None:
        """Waits until a live region says so."""
        said: list[str] = []
        for _ in range(int(seconds * 20)):
            said = await self.told()
            if any(words in text for text in said):
                return
            await self.page.wait_for_timeout(50)
        raise AssertionError(f"{words!r} is not in {said}")

    async def checked(self, state: str, part: str = "#hubkiln") -> None:
        """What can be done has a name, there is one main part, and axe has nothing to say against our `part` of it."""
        tree = await self.cdp.send("Accessibility.getFullAXTree")
        for node in tree["nodes"]:
            role, name = node.get("role", {}).get("value"), node.get("name", {}).get("value", "")
            assert node.get("ignored") or role not in OPERABLE or name.strip(), (state, node)
        mains = [node for node in tree["nodes"] if node.get("role", {}).get("value") == "main"]
        assert len(mains) == 1, (state, mains)
        if not await self.page.evaluate("'axe' in window"):
            await self.cdp.send("Runtime.evaluate", {"expression": AXE.read_text()})  # past the page's own policy
        found = await self.page.evaluate(
            f"axe.run(document.querySelector('{part}') ?? document, {{runOnly: {RULES}, resultTypes: ['violations'],"
            " rules: {'color-contrast': {enabled: !matchMedia('(forced-colors: active)').matches}}}).then((found) =>"
            " found.violations.map((one) => [one.id, one.help, one.nodes.map((node) => node.html).slice(0, 3)]))"
        )
        assert found == [], (state, found)


async def takes_it_elsewhere(kay: Keyboard, *offered: str, refused: str = "\0") -> None:
    """
    On an environment's page: in each of the tools' words that are `offered` it is shown and copied.

    Of each something is known that it says; what is `refused` is why it cannot be had.
    """
    await kay.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await kay.open("DisclosureTriangle Take it elsewhere", most=60)
    await kay.tab("combobox As")
    shown = kay.page.locator(".hk-export")
    for words in offered:
        await kay.open("button Show")
        if words == refused:
            await kay.focus_is("alert")
            await kay.hears(words)
        else:
            await expect(shown).to_contain_text(words)
            await kay.focus_is("button Show")
            await kay.open("button Copy")
            await kay.hears("Copied.")
            await kay.focus_is("button Copy")
            assert words in await kay.page.evaluate("navigator.clipboard.readText()")
        await kay.checked(words)
        await kay.tab("combobox As", key="Shift+Tab")
        await kay.press("ArrowDown")


def _texts(node: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> list[str]:
    if node.get("role", {}).get("value") == "StaticText":
        return [str(node.get("name", {}).get("value", ""))]
    return [text for child in node.get("childIds", []) if child in nodes for text in _texts(nodes[child], nodes)]
