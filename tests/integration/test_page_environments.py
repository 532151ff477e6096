"""The page of environments, real hub, real builds, by keys alone.

Edit, compare, go back, copy, delete, mend, update, pin, share; and an admin's look at what all of it takes.
"""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from embedded import PASSWORD, Up, built, settled, start
from keyboard import Keyboard, by_keys, chromium, takes_it_elsewhere
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from git_server import GitServer, add_commit, make_repository
from hub_browser import logged_in

pytestmark = [*by_keys, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

LOCAL = "The environment is on this machine only."
EXPORTS = ("tabulate", "FROM", LOCAL, LOCAL, "CycloneDX")
"""Words of what each shows, in the order in which they are offered: commands for other machines need a registry."""

ADMINS = "open sesame, and show me the storage"
"""The password of admins, who have one of their own."""

LONG = 120_000
"""Milliseconds that a build of a few packages may take beside other tests."""


@pytest.fixture(scope="module")
def up(stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A hub on stores that hold the Jupyter stack, with an admin."""
    admins = tmp_path_factory.mktemp("up") / "admins.py"
    admins.write_text(
        f"c.Authenticator.admin_users = {{'boss'}}\nc.SharedPasswordAuthenticator.admin_password = {ADMINS!r}\n"
    )
    running = start(stacked, "--config", str(admins))
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

    await takes_it_elsewhere(kay, *EXPORTS, refused=LOCAL)
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


async def test_who_knows_only_the_cards_updates_pins_and_shares(up: Up, browser: Chromium, tmp_path: Path) -> None:
    """From the menu of a card to its page, and there to the newest commit; an admin sees what it takes."""
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "tank.git", {"requirements.txt": "iniconfig\n"})
        async with logged_in(up.hub, "lou", PASSWORD) as session:
            await built(session, server.url("tank.git"))
        newest = add_commit(server.root / "tank.git", {"requirements.txt": "iniconfig\nhumanize\n"})
        lou = await Keyboard.logged_in(browser, up.hub, "lou", PASSWORD)
        page = lou.page
        page.set_default_timeout(LONG)
        await page.goto(f"{up.hub}/hub/spawn")
        await expect(page.get_by_role("button", name=re.compile("^Manage .*tank"))).to_be_visible()
        await lou.open("button Manage .*tank.*")
        await lou.focus_is("button Rename")
        await lou.open("link Update, share, more")
        await lou.focus_is("heading .*tank.*")
        await lou.hears("There is a newer commit")
        await lou.checked("newer")
        await lou.open("button Update to the newest commit")
        await ready(lou, ".*tank.*")
        await lou.focus_is("heading .*tank.*")
        current = page.get_by_role("region", name="Versions").get_by_role("listitem").filter(has_text="current")
        await expect(current).to_contain_text(newest[:7])
        await expect(page.get_by_text("There is a newer commit")).not_to_be_attached()

    await looks_at_what_is_kept(up, await Keyboard.logged_in(browser, up.hub, "boss", ADMINS))
    await lou.tab("combobox Who may use it")
    await lou.press("ArrowDown")  # lou is in no group
    await lou.hears("Not saved yet.")
    await lou.open("button Save who may use it")
    await lou.hears("Saved who may use it.")
    await lou.focus_is("button Save who may use it")
    await lou.tab("checkbox Pinned: .*")
    await lou.press(" ")
    await lou.hears("Pinned.")
    await lou.focus_is("checkbox Pinned: .*")
    await page.context.close()


async def looks_at_what_is_kept(up: Up, boss: Keyboard) -> None:
    """What users' environments take and what a collection would take away; then which environments those are."""
    await boss.page.goto(f"{up.hub}/hub/environments")
    storage = boss.page.get_by_role("region", name="Storage")
    await expect(storage).to_be_visible()
    await boss.open("button Look", most=60)
    await boss.hears("Kept, and what would go")
    await boss.focus_is("button Look")
    await expect(storage.get_by_role("row", name=re.compile(r"^lou 1 \d"))).to_be_visible()
    await expect(storage.get_by_role("row", name=re.compile(r"^all \d"))).to_be_visible()
    await boss.checked("storage")
    await boss.tab("checkbox Everybody’s", most=60, key="Shift+Tab")
    await boss.press(" ")
    await boss.focus_is("checkbox Everybody’s")
    mine = boss.page.get_by_role("row").filter(has_text="for the owner alone")
    await expect(mine.filter(has_text="lou")).to_be_visible()
    await boss.checked("everybody's")
    await boss.page.context.close()
