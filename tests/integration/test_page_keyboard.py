"""The pages without a mouse, and as programs that read them aloud know them: real Chromium, real hub, real service."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from any_hub import any_hub
from keyboard import Keyboard, by_keys, chromium
from playwright.async_api import Browser, Page, expect

pytestmark = by_keys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[str]:
    with any_hub(folder, TEST_SPAWNER="LocalSpawner", TEST_LAUNCH="users") as base:
        yield base


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


async def test_choosing_building_mending_and_starting(hub: str, folder: Path, browser: Browser) -> None:
    """Every journey of the spawn page by keys alone: the focus goes where the user's attention must."""
    (folder / "go").unlink(missing_ok=True)
    kay = await Keyboard.logged_in(browser, hub, "kay")
    await kay.page.goto(f"{hub}/hub/spawn")
    await expect(kay.page.get_by_role("button", name="Start", exact=True)).to_be_visible()

    # A profile, its option, an image by name.
    await kay.tab("radio CPU")
    await kay.press("ArrowDown")
    await kay.focus_is("radio Only for kay")
    await kay.press("ArrowUp")
    await kay.tab("radio plain")
    await kay.press("ArrowDown")
    await kay.tab("textbox flavour")
    await kay.type("typed/spicy:1")
    await kay.tab("radio Listed")
    await kay.checked("listed")
    await kay.press("ArrowRight")
    await kay.focus_is("radio Any image")
    await kay.tab("textbox Image")
    await kay.type("elsewhere/x")
    await kay.tab("button Start")
    await kay.press("Enter")
    await kay.focus_is("textbox Image")  # which is complained about
    await expect(kay.page.get_by_text("Only typed/… images.")).to_be_visible()
    await kay.checked("typed")

    # A repository whose build fails: the fix is at hand, and so is the field to correct.
    await kay.tab("radio Any image", key="Shift+Tab")
    await kay.press("ArrowRight")
    await kay.tab("textbox Repository")
    await kay.type("lab/waves")
    await kay.tab(r"(textbox|combobox) Branch, tag or commit \(optional\)")
    await kay.type("failed")
    await kay.checked("repository")
    await kay.press("Enter")  # as in any form
    await kay.focus_is("alert")
    await kay.checked("failed")
    await kay.press("Tab")
    await kay.focus_is("button Build with packages of the commit's day")
    await kay.press("Enter")
    await expect(kay.page.get_by_role("alert")).to_be_visible()
    await kay.focus_is("alert")
    await kay.tab("button Change")
    await kay.press("Enter")
    await kay.focus_is("textbox Repository")

    # One that takes its time: cancelled, built again, left, watched, its log searched, gone back from, started.
    await kay.tab(r"(textbox|combobox) Branch, tag or commit \(optional\)")
    await kay.type("wai")
    waits = kay.page.get_by_role("option", name="waits")
    await expect(waits).to_be_visible()
    await expect(kay.page.get_by_text("1 suggestion", exact=True)).to_be_attached()
    assert "1 suggestion" in await kay.told()
    await kay.checked("suggested")
    await kay.press("Escape")
    await expect(waits).not_to_be_attached()
    await kay.press("ArrowDown", "ArrowUp")  # to the first of all, and round to the last
    await expect(waits).to_have_attribute("aria-selected", "true")
    await kay.press("Enter")  # which sends no form
    await expect(waits).not_to_be_attached()
    await kay.press("Enter")
    await kay.focus_is("heading lab/waves")
    await kay.checked("running")
    await kay.tab("button Cancel build")
    await kay.press("Enter")
    await kay.focus_is("heading lab/waves")
    await kay.tab("button Build again")
    await kay.checked("cancelled")
    await kay.press("Enter")
    await kay.focus_is("heading lab/waves")
    await kay.tab("button Leave it running")
    await kay.press("Enter")
    await kay.focus_is("group What to start")
    await kay.tab("button Watch lab/waves")
    await kay.checked("left")
    await kay.press("Enter")
    await kay.focus_is("heading lab/waves")
    await kay.tab("(log|region) Build log")
    await kay.tab("searchbox Find in log")
    await kay.type("packages")
    await expect(kay.page.get_by_text("1 of 1 line")).to_be_visible()
    await kay.hears("1 of 1 line")
    await kay.press("Enter")  # which sends no form
    await kay.focus_is("searchbox Find in log")
    await kay.page.go_back()  # Alt and the left arrow, which a browser without a window does not know
    await kay.focus_is("group What to start")
    await kay.open("button Watch lab/waves")
    await kay.focus_is("heading lab/waves")
    await kay.tab("(log|region) Build log")
    (folder / "go").touch()
    await expect(kay.page.get_by_text("Ready", exact=True).first).to_be_visible()
    await kay.focus_is("(log|region) Build log")  # whoever reads on is left there
    await kay.checked("ready")
    await kay.tab("button Start", key="Shift+Tab")
    await kay.press("Enter")
    await kay.page.wait_for_url(f"{hub}/user/kay/**")

    # Back from the server: the form as it was sent.
    await kay.page.go_back()
    await expect(kay.page.get_by_role("textbox", name="Repository")).to_have_value("lab/waves")
    await kay.page.context.close()


async def test_a_launch_page_needs_one_key(hub: str, browser: Browser) -> None:
    """Its button has the focus, keeps it while the environment is built, and how that goes is told."""
    may = await Keyboard.logged_in(browser, hub, "may")
    await may.page.goto(f"{hub}/services/binder/v2/gh/lab/tides/HEAD")
    await may.focus_is("button Build and start")
    await may.checked("launch page")
    said: list[tuple[str, str]] = []
    await may.page.expose_function("saying", lambda text, held: said.append((text, held)))
    look = "new MutationObserver(() => saying(one.textContent, document.activeElement.id))"
    await may.page.locator("#phase[role=status]").evaluate(f"(one) => {look}.observe(one, {{childList: true}})")
    await may.press("Enter")
    await may.page.wait_for_url(f"{hub}/user/may/**")
    assert said[0] == ("Waiting…", "start") and ("Starting your server…", "start") in said, said
    assert {held for _, held in said} == {"start"}
    await may.page.context.close()


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
    await lea.page.wait_for_url(f"{hub}/user/lea/**")
    await lea.page.context.close()


SIZES = [
    pytest.param({"viewport": {"width": 320, "height": 640}}, id="phone"),  # also 1280 pixels at 400 %
    pytest.param({"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}, id="zoomed"),
    pytest.param({"forced_colors": "active", "reduced_motion": "reduce"}, id="forced colours, less motion"),
]


async def ringed(page: Page) -> bool:
    """Whether what has the focus, or the card or tab that it is in, has a line around it."""
    line = "(({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)"
    held = "document.activeElement.closest('.hk-card, .hk-segment') ?? document.activeElement"
    return bool(await page.evaluate(f"{line}(getComputedStyle({held}))"))


async def told_apart(page: Page, every: str, chosen: str) -> bool:
    """Whether the chosen of all that are alike has lines around it as no other has, whatever colours there are."""
    looks = "(one) => { const it = getComputedStyle(one); return [it.border, it.borderTop, it.outline].join(); }"
    of = [await one.evaluate(looks) for one in await page.locator(f"#hubkiln {every}{chosen}").all()]
    others = [await one.evaluate(looks) for one in await page.locator(f"#hubkiln {every}:not({chosen})").all()]
    return bool(of) and not set(of) & set(others)


@pytest.mark.parametrize("options", SIZES)
async def test_small_and_plain_screens(hub: str, folder: Path, browser: Browser, options: dict[str, Any]) -> None:
    """Nothing is cut off to the side; what is chosen shows without colours of ours; nothing moves unasked."""
    (folder / "go").unlink(missing_ok=True)
    mia = await Keyboard.logged_in(browser, hub, f"mia{len(options)}{len(str(options))}", locale="de-DE", **options)
    await mia.page.goto(f"{hub}/hub/v2/gh/lab/a-repository-with-quite-a-long-name-that-cannot-be-broken/waits")
    button = mia.page.get_by_role("button", name="Bauen und starten")
    await expect(mia.page.get_by_role("textbox", name="Repository")).to_have_value(re.compile("^lab/a-repository"))
    assert await mia.page.get_attribute("#hubkiln", "lang") == "de"
    forced = "forced_colors" in options
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await mia.page.evaluate(wide) <= 0
    field = mia.page.get_by_role("textbox", name="Repository")
    named = await field.input_value()
    await field.fill(f"ghcr.io/lab/waves@sha256:{'5' * 64}")
    await button.press("Enter")
    await expect(mia.page.locator(".hk-complaint")).to_contain_text("5" * 64)
    assert await mia.page.evaluate(wide) <= 0
    await field.fill(named)
    if forced:
        for what in ("radio .*", "(textbox|combobox) Repository", "button Bauen und starten"):
            await mia.tab(what)
            assert await ringed(mia.page), what
        assert await told_apart(mia.page, ".hk-segment", ":has(:checked)")
        assert await told_apart(mia.page, ".hk-card", ":has(:checked)")
    await button.press("Enter")
    await mia.focus_is("heading lab/a-repository.*")
    await mia.checked("running")
    assert await mia.page.evaluate(wide) <= 0
    if forced:
        assert await told_apart(mia.page, ".hk-step", ".hk-step-now")
        moving = "document.getAnimations().filter((one) => one.effect.getComputedTiming().duration > 20).length"
        assert await mia.page.evaluate(moving) == 0
    await mia.tab("button Build abbrechen")
    await mia.press("Enter")
    await expect(mia.page.get_by_role("button", name="Noch einmal bauen")).to_be_visible()
    await mia.page.context.close()
    if options.get("viewport", {}).get("width") == 320:
        await an_admins_schedules(hub, browser, options)


async def test_hundreds_of_profiles_and_hostile_names(hub: str, browser: Browser) -> None:
    """Markup, right to left, 10,000 letters, emoji, nothing: each a name among 300, on small screens; one starts."""
    for screen in (
        {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2, "forced_colors": "active"},
        {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
    ):
        many = await Keyboard.logged_in(browser, hub, "many", **screen)
        await many.page.goto(f"{hub}/hub/spawn")
        await many.tab("radio .*")
        await many.press("ArrowUp")  # round to the last
        await many.focus_is("radio Machine 299")
        heights = "[...document.querySelectorAll('#hubkiln .hk-card')].map((one) => one.offsetHeight)"
        assert max(await many.page.evaluate(heights)) <= 500, screen
        wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        assert await many.page.evaluate(wide) <= 0, screen
        if "color_scheme" in screen:
            await many.checked("300 profiles")
            await many.press("ArrowDown", "Enter")  # as in any form
            await many.page.wait_for_url(f"{hub}/user/many/**")
        else:
            assert await many.page.evaluate("globalThis.hurt ?? null") is None
        await many.page.context.close()


async def an_admins_schedules(hub: str, browser: Browser, options: dict[str, Any]) -> None:
    """Added, paused and removed by keys on the same phone, in the dark and in French, against the real service."""
    boss = await Keyboard.logged_in(browser, hub, "boss", locale="fr-FR", color_scheme="dark", **options)
    await boss.page.goto(f"{hub}/hub/environments")
    part = boss.page.get_by_role("region", name="Planification")
    await expect(part.get_by_text("Rien n’est construit à des moments fixes.")).to_be_visible()
    await part.locator("summary").focus()
    await boss.press("Enter")
    await boss.tab("textbox Dépôt")
    await boss.type("lab/waves")
    await boss.tab("textbox Moments")
    await boss.type("0 4 * * 1")
    await boss.open("button Ajouter la planification")
    await boss.hears("Construit désormais\u00a0: lab/waves")
    await part.get_by_role("button", name="Mettre en pause la planification de lab/waves").press("Enter")
    await boss.hears("En pause\u00a0: lab/waves")
    await expect(part.get_by_role("row", name="lab/waves")).to_contain_text("en pause")
    await boss.checked("schedules")
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await boss.page.evaluate(wide) <= 0
    await part.get_by_role("button", name="Supprimer la planification de lab/waves").press("Enter")
    await boss.hears("N’est plus construit à des moments fixes\u00a0: lab/waves")
    assert await boss.at() not in ("", "RootWebArea", "generic")
    await forbids_and_stops(hub, boss)
    await boss.page.context.close()


async def forbids_and_stops(hub: str, boss: Keyboard) -> None:
    """A rule made, met and taken back, and somebody's build stopped: each is heard, and the focus is on something."""
    rules = boss.page.get_by_role("region", name="Règles")
    await rules.locator("summary").focus()
    await boss.press("Enter")
    await boss.tab("textbox Lequel")
    await boss.type("gh/lab/forbidden")
    await boss.tab(r"textbox Raison \(facultatif\)")
    await boss.type("Demain. Peut-être.")
    await boss.open("button Créer la règle")
    await boss.hears("La règle vaut\u00a0: gh/lab/forbidden")
    await boss.checked("rules")

    await boss.page.goto(f"{hub}/hub/v2/gh/lab/forbidden/HEAD")
    await expect(boss.page.get_by_role("textbox", name="Dépôt")).to_have_value("lab/forbidden")
    await boss.open("button Construire et démarrer")
    await boss.focus_is("alert")
    await boss.hears("Ce dépôt ne peut pas être construit ici\u00a0: Demain. Peut-être.")
    await boss.checked("refused")
    await boss.page.goto(f"{hub}/hub/v2/gh/lab/slow/waits")
    await expect(boss.page.get_by_role("textbox", name="Dépôt")).to_have_value("lab/slow")
    await boss.open("button Construire et démarrer")
    await boss.focus_is("heading lab/slow")
    await boss.open("button Laisser continuer")
    await boss.focus_is("group .*")

    await boss.page.goto(f"{hub}/hub/environments")
    await boss.open("button Arrêter lab/slow pour tous", most=60)
    await boss.hears("Arrêté\u00a0: lab/slow")
    await boss.open("button Retirer la règle pour gh/lab/forbidden", most=60)
    await boss.hears("Retirée\u00a0: gh/lab/forbidden")
    assert await boss.at() not in ("", "RootWebArea", "generic")
