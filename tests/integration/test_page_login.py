"""The spawn page and the hub's login, in a real browser at a real hub."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
from any_hub import any_hub
from keyboard import Keyboard, by_keys, chromium, takes_it_elsewhere
from playwright.async_api import BrowserContext, Page, Response, expect

pytestmark = by_keys


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where each user has one server."""
    variables = {"TEST_SPAWNER": "LocalSpawner", "TEST_LAUNCH": "users", "TEST_BUILD_BY_LINK": "gh/course"}
    with any_hub(tmp_path_factory.mktemp("hub"), TEST_ONE_SERVER="1", **variables) as base:
        yield base


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with chromium() as started:
        context = await started.new_context()
        context.set_default_timeout(90_000)
        yield context


async def at_the_keys(browser: BrowserContext, hub: str, name: str) -> Keyboard:
    """Somebody who has no mouse."""
    assert browser.browser
    return await Keyboard.logged_in(browser.browser, hub, name)


async def log_in(page: Page, hub: str, name: str) -> None:
    await page.goto(f"{hub}/hub/login?next=%2Fsome%2Fbase%2Fhub%2Fhome")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/hub/home")


async def test_a_login_that_ended_elsewhere_loses_nothing(hub: str, browser: BrowserContext) -> None:
    """After a log-out in another tab the page says so and stays; after the next login its Start goes through.

    By keys alone, and so on the page of environments.
    """
    eve = await at_the_keys(browser, hub, "eve")
    page = eve.page
    await page.goto(f"{hub}/hub/spawn")
    await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    await eve.tab("radio plain")
    await eve.press("ArrowDown")
    await eve.tab("textbox flavour")
    await eve.type("typed/hot:1")
    await log_out(hub, eve)
    await eve.open("button Start")
    await logs_in_again(eve)
    await eve.open("button Start")
    await page.wait_for_url("**/user/eve/**")

    await page.goto(f"{hub}/hub/environments")
    await expect(page.get_by_role("button", name="Stop the default server")).to_be_visible()
    await log_out(hub, eve)
    await eve.open("button Stop the default server")
    await logs_in_again(eve)
    await eve.open("button Stop the default server")
    await eve.hears("Stopped: the default server")


async def log_out(hub: str, eve: Keyboard) -> None:
    """In another tab."""
    other = await eve.page.context.new_page()
    await other.goto(f"{hub}/hub/logout")
    await other.close()
    await eve.page.bring_to_front()


async def logs_in_again(eve: Keyboard) -> None:
    """By the way that the page shows to who is not logged in any more, and back to it."""
    await eve.focus_is("alert")
    await eve.hears("You are not logged in any more.")
    await eve.checked("logged out")
    await eve.tab("link Log in again")
    async with eve.page.expect_popup() as opened:
        await eve.press("Enter")
    login = await opened.value
    await login.get_by_label("Username").focus()
    await login.keyboard.type("eve")
    await login.keyboard.press("Tab")
    await login.keyboard.type("x")
    await login.keyboard.press("Enter")
    await login.wait_for_url(lambda address: "/hub/login" not in address)
    await login.close()
    await eve.page.bring_to_front()
    await eve.focus_is("link Log in again")


async def test_a_login_of_somebody_else_starts_nothing(hub: str, browser: BrowserContext) -> None:
    """What one user chose is not started for the next one who logs in."""
    other, page = await browser.new_page(), await browser.new_page()
    await log_in(page, hub, "fay")
    await page.goto(f"{hub}/hub/spawn")
    start = page.get_by_role("button", name="Start", exact=True)
    await expect(start).to_be_visible()
    await other.goto(f"{hub}/hub/logout")
    await log_in(other, hub, "gus")
    await page.bring_to_front()
    await start.click()
    await expect(page.get_by_text("You are logged in as gus now.")).to_be_visible()


PULL = "git-pull?repo=https%3A%2F%2Fe.org%2Fr&branch=main&urlpath=lab%2Ftree%2Fr%2Fa%20b.ipynb"


async def log_in_here(page: Page, name: str) -> None:
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()


async def test_a_launch_link_survives_the_login_and_ends_where_it_says(hub: str, browser: BrowserContext) -> None:
    """Letter by letter, what is encoded too; it waits for the button, and then opens what it names.

    What becomes of the server that runs is asked, and answered by keys.
    """
    page = await browser.new_page()
    ida = await Keyboard.at_page(page)
    await page.goto(f"{hub}/hub/v2/gh/lab/waves/feature%2Fx?urlpath={quote(PULL, safe='')}")
    await log_in_here(page, "ida")
    await expect(page.get_by_text("A link filled this form in.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("lab/waves")
    await expect(page.get_by_label("Branch, tag or commit")).to_have_value("feature/x")
    await expect(page.get_by_label("Path to open")).to_have_value(f"/{PULL}")
    button = page.get_by_role("button", name="Build and start")
    await expect(button).to_be_visible()
    asked = "fetch(`/some/base/hub/api/user?_xsrf=${jhdata.xsrf_token}`).then((a) => a.json()).then((u) => u.servers)"
    assert await page.evaluate(asked) == {}
    await button.click()
    await page.wait_for_url(f"{hub}/user/ida/{PULL}")

    await page.goto(f"{hub}/hub/v2/gh/lab/other/HEAD?labpath=b.ipynb")
    await expect(page.get_by_role("heading", name="A server of yours is running")).to_be_visible()
    await ida.checked("question", part="main")
    await ida.open("button Stop it and go on")
    await expect(page.get_by_label("Path to open")).to_have_value("b.ipynb")


ODD = (
    ("gh/lab/waves/HEAD?labpath=t%C3%A4ler%2Fs%C3%BCd%20(1).ipynb", "lab/waves", "", "täler/süd (1).ipynb"),
    ("gh/lab/waves/HEAD?urlpath=%2Flab%2Ftree%2Fa%2520b.ipynb&labpath=", "lab/waves", "", "a b.ipynb"),
    ("gh/lab/waves/v1%25?labpath=100%25.ipynb", "lab/waves", "v1%", "100%.ipynb"),
    ("gl/group%252Fsub%252Fproject/main", "gl/group%2Fsub%2Fproject", "main", ""),
    ("git/https%3A%2F%2Fhost.example%2Frepo.git?urlpath=rstudio", "https://host.example/repo.git", "", "/rstudio"),
    ("gh/lab/waves/HEAD?filepath=a.ipynb&urlpath=&other=1#fragment", "lab/waves", "", "a.ipynb"),
    (f"gh/lab/waves/HEAD?urlpath={'a' * 8000}", "lab/waves", "", f"/{'a' * 8000}"),
)
"""What follows ``/hub/v2/``; then the repository, the ref and the path that the form shows."""

OUTSIDE = ("%2F%2Fevil.example", "https%3A%2F%2Fevil.example", "%5C%5Cevil.example", "%252e%252e%2Fhub", "a%00")
REFUSED = {
    "": "Give a repository",
    "gh": "There is no repository behind gh/.",
    "gh/lab": "That needs an owner and a name.",
    "nowhere/lab/waves/HEAD": "repositories cannot be built here.",
    "gh/lab/waves/%00": "is not the name of a branch, tag or commit",
    "gh/lab/waves/%FF%FE": "That link is not well-formed.",
    "gh/lab/waves/--upload-pack=x": "A ref cannot begin with -.",
    f"gh/lab/{'w' * 8000}/HEAD": "The link's repository is too long to be one.",
    "gh/lab/waves/HEAD?subdir=..%2F..": "A folder inside the repository cannot contain",
} | {f"gh/lab/waves/HEAD?urlpath={one}": "asks to open something outside of the server" for one in OUTSIDE}
"""Links that mean nothing, or nothing good, and what is said of them."""


async def test_odd_links_do_as_they_mean_or_are_refused_with_a_reason(hub: str, browser: BrowserContext) -> None:
    """Encoded once or twice, without a ref, too long, broken, or leading away: before any press, and through the login.

    No answer on the way is the server's fault, and none leads to another host.
    """
    page = await browser.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    await page.goto(f"{hub}/hub/v2/gh/lab/{'w' * 8000}/HEAD?urlpath=%2F%5Cevil.example")
    await log_in_here(page, "max")
    await expect(page.get_by_text("too long to be one")).to_be_visible()
    for link, repository, ref, path in ODD:
        await page.goto(f"{hub}/hub/v2/{link}")
        await expect(page.get_by_text("A link filled this form in.")).to_be_visible()
        for label, value in (("Repository", repository), ("Branch, tag or commit", ref), ("Path to open", path)):
            field = page.get_by_role("textbox", name=re.compile(f"^{label}"))
            await expect(field, link[:100]).to_have_value(value)
    await page.goto(f"{hub}/hub/v2/inline/numpy%2Cpandas%3E%3D2")
    await expect(page.get_by_role("textbox", name="Packages")).to_have_value("numpy\npandas>=2")
    for link, reason in REFUSED.items():
        await page.goto(f"{hub}/hub/v2/{link}")
        await expect(page.get_by_text(reason), link[:100]).to_be_visible()
    odd = [(one.status, one.url) for one in answers if one.status >= 500 or not one.url.startswith(hub)]
    assert not odd, odd


async def test_a_listed_source_starts_at_once(hub: str, browser: BrowserContext) -> None:
    """Without a press, from the link to the server; a source whose name only begins so does not."""
    page = await browser.new_page()
    await page.goto(f"{hub}/hub/v2/gh/courses/one/HEAD")
    await log_in_here(page, "jo")
    await expect(page.get_by_text("A link filled this form in.")).to_be_visible()
    await page.goto(f"{hub}/hub/v2/gh/course/one/HEAD?urlpath=rstudio")
    await page.wait_for_url(f"{hub}/user/jo/rstudio")


async def test_a_permalink_of_fancy_profiles_fills_the_form_in(hub: str, browser: BrowserContext) -> None:
    """Through the login, as their links are made."""
    page = await browser.new_page()
    asked = {"profile": "cpu", "image": "--extra-selectable-item", "image:binderProvider": "gh", "image:ref": "v2"}
    asked |= {"image:binderRepo": "lab/waves", "autoStart": "true"}
    target = f"/some/base/hub/spawn#fancy-forms-config={quote(json.dumps(asked), safe='')}"
    await page.goto(f"{hub}/hub/login?next={quote(target, safe='')}")
    await log_in_here(page, "kim")
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("lab/waves")
    await expect(page.get_by_label("Branch, tag or commit")).to_have_value("v2")
    await expect(page.get_by_role("button", name="Build and start")).to_be_visible()


RUN = ("podman run --rm -it -p 127.0.0.1:8888:8888 registry", "apptainer exec waves.sif jupyter lab")
"""What starts it elsewhere."""


async def test_what_is_kept_is_managed_by_keys_alone(hub: str, browser: BrowserContext) -> None:
    """Reached from the hub's own bar; all that its owner chooses there is chosen, said, and the focus kept.

    Its policy lets all of the page's own run.
    """
    grace = await at_the_keys(browser, hub, "grace")
    page = grace.page
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    await page.goto(f"{hub}/hub/v2/gh/lab/kept/HEAD")
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("lab/kept")
    await grace.open("button Build and start")
    await page.wait_for_url(f"{hub}/user/grace/**")
    await page.goto(f"{hub}/hub/home")
    await grace.open("link Environments")
    await page.wait_for_url("**/hub/environments")
    answer = await page.request.get(page.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    await expect(page.get_by_role("link", name="lab/kept", exact=True)).to_be_visible()
    await grace.open("link lab/kept")
    await grace.focus_is("heading lab/kept")
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    assert await page.get_by_role("link", name="Open", exact=True).get_attribute("href")
    await chooses(grace)
    assert not said, said  # axe, which is not of the page, tries what it may not
    await names_and_describes(grace)
    await keeps_resources(grace)
    await takes_it_elsewhere(grace, "lock-version", "FROM python:3.11", *RUN, "CycloneDX")
    await shares_links(grace)

    await stops(hub, grace)
    await uses_the_cards_menu(hub, grace)
    await starts_another_and_forgets(hub, grace)


async def stops(hub: str, grace: Keyboard) -> None:
    """The server, in the list."""
    await grace.page.goto(f"{hub}/hub/environments")
    await expect(grace.page.get_by_role("button", name="Stop the default server")).to_be_visible()
    await grace.checked("list")
    await grace.open("button Stop the default server")
    await grace.hears("Stopped: the default server")
    await grace.focus_is("heading Environments")
    await expect(grace.page.get_by_role("heading", name="Your servers")).not_to_be_attached(timeout=90_000)


async def chooses(grace: Keyboard) -> None:
    """Who may use it, and whether versions are kept."""
    page = grace.page
    await grace.tab("combobox Who may use it")
    await grace.press("ArrowDown", "ArrowDown")  # past the group, to everybody
    await grace.focus_is("combobox Who may use it")
    await grace.hears("Not saved yet.")
    await grace.press("ArrowUp")
    await expect(page.get_by_role("combobox", name="Who may use it")).to_have_value("group:gpu")
    await grace.open("button Save who may use it")
    await grace.hears("Saved who may use it.")
    await grace.focus_is("button Save who may use it")
    await page.reload()
    await expect(page.get_by_role("combobox", name="Who may use it")).to_have_value("group:gpu")
    await grace.focus_is("heading .*")
    await grace.tab("checkbox Pinned: .*")
    await grace.press(" ")
    await grace.hears("Pinned.")
    await grace.focus_is("checkbox Pinned: .*")
    await expect(page.get_by_role("checkbox")).to_be_checked()


async def names_and_describes(grace: Keyboard) -> None:
    """In a form that is closed until it is wanted."""
    await grace.open("DisclosureTriangle Rename and describe")
    await grace.tab("textbox Name")
    await grace.type("Tank")
    await grace.tab(r"textbox Description \(optional\)")
    await grace.type("With waves.")
    await grace.checked("naming")
    await grace.open("button Save")
    await grace.hears("Saved.")
    await grace.focus_is("button Save")
    await expect(grace.page.get_by_role("heading", name="Tank", level=1)).to_be_visible()


async def keeps_resources(grace: Keyboard) -> None:
    """What it starts with: led to what is missing, then saved."""
    await grace.open("DisclosureTriangle Starts with: CPU, flavour: plain", key="Shift+Tab")
    await grace.tab("radio plain")
    await grace.press("ArrowDown")
    await grace.tab("textbox flavour")
    await grace.open("button Start with these")
    await grace.focus_is("textbox flavour")  # which is empty
    await grace.checked("without a flavour")
    await grace.type("typed/mild:1")
    await grace.open("button Start with these")
    await grace.hears("Saved what it starts with.")
    await grace.focus_is("(DisclosureTriangle|button|heading) .*")
    await expect(grace.page.get_by_text("Starts with: CPU, flavour: typed/mild:1")).to_be_visible()


async def shares_links(grace: Keyboard) -> None:
    """Each of the notations is copied by its button, and said to be."""
    await grace.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await grace.open("DisclosureTriangle Link and badge")
    for name in ("Link", "Markdown", "reStructuredText", "HTML"):
        await grace.open(f"button Copy {name}")
        await grace.hears(f"{name} copied.")
        await grace.focus_is(f"button Copy {name}")
        assert "/hub/v2/gh/lab/kept" in await grace.page.evaluate("navigator.clipboard.readText()")
    await grace.checked("links")


async def uses_the_cards_menu(hub: str, grace: Keyboard) -> None:
    """On the spawn page: closed again, renamed, gone to its own page."""
    page = grace.page
    await page.goto(f"{hub}/hub/spawn")
    await expect(page.get_by_role("button", name="Manage Tank")).to_be_visible()
    await grace.open("button Manage Tank")
    await grace.focus_is("button Rename")
    await grace.checked("menu")
    await grace.press("Escape")
    await grace.focus_is("button Manage Tank")
    await grace.press("Enter", "Enter")
    await grace.focus_is("textbox New name")
    await grace.checked("renaming")
    await grace.type("Wave tank")
    await grace.press("Enter")
    await grace.focus_is("button Manage Wave tank")
    await grace.press("Enter")
    await grace.open("link Update, share, more")
    await grace.focus_is("heading Wave tank")
    await page.go_back()
    await expect(page.get_by_role("radio", name="Wave tank")).to_be_checked()  # as last time


async def starts_another_and_forgets(hub: str, grace: Keyboard) -> None:
    """While a server runs in something else it cannot start; forgotten, after a second thought, it has no card."""
    page = grace.page
    await grace.tab("radio Wave tank")
    await grace.press("ArrowUp")
    await grace.focus_is("radio Small")
    await grace.open("button Start")
    await page.wait_for_url(f"{hub}/user/grace/**")
    await page.goto(f"{hub}/hub/environments")
    await expect(page.get_by_text("Starts once your server has stopped")).to_be_visible()
    assert await page.get_by_role("link", name=re.compile("^Start")).count() == 0
    await stops(hub, grace)
    await page.goto(f"{hub}/hub/spawn")
    await expect(page.get_by_role("button", name="Manage Wave tank")).to_be_visible()
    await grace.open("button Manage Wave tank")
    await grace.open("button Forget")
    await grace.focus_is("button Forget it")
    await grace.checked("forgetting")
    await grace.open("button Keep it")
    await grace.focus_is("button Manage Wave tank")
    await grace.press("Enter")
    await grace.open("button Forget")
    await grace.focus_is("button Forget it")
    await grace.press("Enter")
    await grace.hears("Forgotten: Wave tank")
    assert await grace.at() not in ("", "RootWebArea", "generic")
    await expect(page.get_by_role("radio", name="Wave tank")).not_to_be_attached()
