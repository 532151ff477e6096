"""The page of environments, real hub, real builds, by keys alone: edit, compare, go back, copy, delete, mend."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from embedded import PASSWORD, Up, built, settled, start
from keyboard import Keyboard, by_keys, chromium
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from hub_browser import logged_in

pytestmark = [*by_keys, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

LOCAL = "The environment is on this machine only."
EXPORTS = ("tabulate", "FROM", LOCAL, LOCAL, "CycloneDX")
"""Words of what each shows, in the order in which they are offered: commands for other machines need a registry."""

LONG = 120_000
"""Milliseconds that a build of a few packages may take beside other tests."""


@pytest.fixture(scope="module")
def up(stacked: Path) -> Iterator[Up]:
    """A hub on stores that hold the Jupyter stack."""
    running = start(stacked)
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)
    assert settled(stacked) == []


@pytest.fixture
async def browser() -> AsyncIterator[Chromium]:
    """Chromium."""
    async with chromium() as started:
        yield started


async def ready(kay: Keyboard, title: str) -> None:
    """The build that was ordered is shown, has the focus and ends well; back to where it was ordered."""
    await kay.focus_is(f"heading {title}")
    await expect(kay.page.get_by_text("Ready", exact=True).first).to_be_visible(timeout=LONG)
    await kay.hears("Ready")
    await kay.open("button Back to the (environment|list)")


async def takes_it_elsewhere(kay: Keyboard) -> None:
    """In other tools' words: each is chosen, shown and copied, or said why it is not to be had."""
    await kay.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await kay.open("DisclosureTriangle Take it elsewhere", most=60)
    await kay.tab("combobox As")
    shown = kay.page.locator(".hk-export")
    for words in EXPORTS:
        await kay.open("button Show")
        if words == LOCAL:
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


async def test_an_environment_is_changed_compared_rolled_back_copied_deleted_and_made_again(
    up: Up, browser: Chromium
) -> None:
    """Each as the guide says, by keys alone: the focus is never lost, and each form shows what is there now."""
    async with logged_in(up.hub, "kay", PASSWORD) as session:
        gone = (await built(session, "inline/iniconfig"))["image"]
        await built(session, "inline/humanize")
    (up.data / "images/documents" / f"{gone.partition('sha256:')[2]}.json").unlink()

    kay = await Keyboard.logged_in(browser, up.hub, "kay", PASSWORD)
    page = kay.page
    page.set_default_timeout(LONG)
    await page.goto(f"{up.hub}/hub/environments")

    # What was removed by hand is made again, the very same, in the list.
    row = page.get_by_role("row", name=re.compile("^iniconfig"))
    await expect(row).to_contain_text("gone")
    await kay.checked("list")
    await kay.open("button Make again: iniconfig, from its lock")
    await ready(kay, "iniconfig")
    await kay.focus_is("heading Environments")
    await expect(row).to_contain_text("ready")
    assert (up.data / "images/documents" / f"{gone.partition('sha256:')[2]}.json").is_file()

    # Other packages.
    await kay.open("link humanize")
    await kay.focus_is("heading humanize")
    await kay.open("DisclosureTriangle Edit its packages")
    await kay.tab("textbox Packages")
    await kay.type("humanize\ntabulate")
    await kay.checked("editing")
    await kay.open("button Build the new version")
    await ready(kay, "humanize, tabulate")
    await kay.focus_is("heading humanize, tabulate")
    versions = page.get_by_role("region", name="Versions").get_by_role("listitem")
    await expect(versions).to_have_count(2)

    await takes_it_elsewhere(kay)
    for order in ("Refresh packages", "Make again from its lock"):
        await kay.open(f"button {order}", key="Shift+Tab", most=60)
        await ready(kay, "humanize, tabulate")
        await kay.focus_is("heading humanize, tabulate")
    await expect(versions.filter(has_text="current")).to_have_count(1)

    # What differs; and back.
    await kay.open(r"button Compare with the version of .* \(humanize\)")
    await expect(page.get_by_role("row", name=re.compile("^tabulate not there"))).to_be_visible()
    offered = await page.get_by_label("beside those of").locator("option").all_text_contents()
    assert [re.sub(r"^(just now|\d+ minutes? ago) ", "", text) for text in offered] == [
        "(humanize, tabulate) (current)",
        "(humanize)",
    ]
    await kay.checked("compared")
    await kay.open(r"button Roll back to the version of .* \(humanize\)")
    await page.get_by_role("heading", name="humanize", exact=True, level=1).wait_for()
    await kay.focus_is("heading Versions")
    await kay.hears("Servers start in this version from now on.")
    fields = page.locator("textarea[id$=packages]")
    assert [await field.input_value() for field in await fields.all()] == ["humanize", "humanize"]

    # A copy with other packages, which is deleted.
    await kay.open("DisclosureTriangle Duplicate with changes", key="Shift+Tab")
    await kay.tab("textbox Packages")
    await kay.type("tabulate")
    await kay.open("button Build the copy")
    await ready(kay, "tabulate")
    await kay.focus_is(r"heading humanize \(copy\)")
    await expect(page.get_by_text("Packages asked for").locator("..")).to_contain_text("tabulate")
    await kay.open("DisclosureTriangle Delete")
    await kay.checked("deleting")
    await kay.open("button Delete it")
    await kay.focus_is("heading Environments")
    await kay.hears("Deleted: humanize (copy)")
    await expect(page.get_by_role("row", name=re.compile("^(humanize|iniconfig)"))).to_have_count(2)
    await page.context.close()
