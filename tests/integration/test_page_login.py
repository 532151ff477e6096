"""The spawn page and the hub's login, in a real browser at a real hub."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from any_hub import any_hub
from playwright.async_api import BrowserContext, Page, Response, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

pytestmark = [
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where each user has one server."""
    variables = {"TEST_SPAWNER": "LocalSpawner", "TEST_LAUNCH": "users", "TEST_BUILD_BY_LINK": "gh/course"}
    with any_hub(tmp_path_factory.mktemp("hub"), TEST_ONE_SERVER="1", **variables) as base:
        yield base


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await started.new_context()
        context.set_default_timeout(90_000)
        yield context
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
    await page.wait_for_url("**/user/eve/**")


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


PULL = "git-pull?repo=https%3A%2F%2Fe.org%2Fr&branch=main&urlpath=lab%2Ftree%2Fr%2Fa%20b.ipynb"


async def log_in_here(page: Page, name: str) -> None:
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()


async def test_a_launch_link_survives_the_login_and_ends_where_it_says(hub: str, browser: BrowserContext) -> None:
    """Letter by letter, what is encoded too; it waits for the button, and then opens what it names."""
    page = await browser.new_page()
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
    await page.get_by_role("button", name="Stop it and go on").click()
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


async def test_the_page_of_environments(hub: str, browser: BrowserContext) -> None:
    """Reached from the hub's own bar; what was built is there, and its policy lets all of the page's own run."""
    page = await browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    await page.goto(f"{hub}/hub/v2/gh/lab/kept/HEAD")
    await log_in_here(page, "lou")
    await expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("lab/kept")
    await page.get_by_role("button", name="Build and start").click()
    await page.wait_for_url(f"{hub}/user/lou/**")
    await page.goto(f"{hub}/hub/home")
    await page.get_by_role("link", name="Environments").click()
    answer = await page.request.get(page.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    await page.get_by_role("link", name="lab/kept", exact=True).click()
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    await page.get_by_label("Who may use it").select_option("public")
    await expect(page.get_by_text("Saved who may use it.")).to_be_attached()
    start = page.get_by_role("link", name="Open", exact=True)
    assert await start.get_attribute("href") and not said, said
    await page.goto(f"{hub}/hub/environments")
    await page.get_by_role("button", name="Stop the default server").click()
    await expect(page.get_by_role("heading", name="Your servers")).not_to_be_attached(timeout=90_000)

    await page.goto(f"{hub}/hub/spawn")
    await page.get_by_role("radio", name="Listed").check()
    await expect(page.get_by_role("radio", name="lab/kept")).to_be_checked()  # as last time
    await page.get_by_role("radio", name="Small").check()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.wait_for_url(f"{hub}/user/lou/**")
    await page.goto(f"{hub}/hub/environments")
    await expect(page.get_by_text("Starts once your server has stopped")).to_be_visible()
    assert await page.get_by_role("link", name=re.compile("^Start")).count() == 0
