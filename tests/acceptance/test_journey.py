"""A newcomer's whole journey, in a real browser, from a clean clone and the README's command."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from kept import remove_behind
from playwright.async_api import Browser, Page, async_playwright, expect

from git_server import GitServer, add_commit, make_repository
from sockets import free_port

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures" if os.environ.get("HUBKILN_PICTURES") else None
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = 240_000
"""Milliseconds: a cold build of the whole Jupyter stack on two busy cores."""

LISTING = """async (url) => {
    const token = document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? "";
    return (await fetch(url, {headers: {"X-XSRFToken": token}})).json();
}"""
"""What a server lists in its user's home, asked as its page would."""

pytestmark = [
    pytest.mark.network,
    pytest.mark.hub,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]


@dataclass(frozen=True)
class Hub:
    """A running hub as `make run` announced it."""

    url: str
    user: str
    password: str


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """`make run` in a clean clone."""
    folder = tmp_path_factory.mktemp("clone")
    clone = folder / "hubkiln"
    subprocess.run(["git", "clone", "-q", "--depth=1", ROOT.as_uri(), clone], check=True)
    command = ["make", "run", f"ARGS=--port {free_port()}"]
    output = folder / "output"
    with (
        output.open("w") as errors,
        subprocess.Popen(
            command, cwd=clone, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        ) as running,
    ):
        try:
            yield announced(running, output)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)
            running.wait(60)
            remove_behind(clone)


def announced(running: subprocess.Popen[str], output: Path) -> Hub:
    """What the hub printed: where it is and how to log in."""
    found: dict[str, str] = {}
    assert running.stdout is not None
    for line in running.stdout:
        for name, pattern in {
            "url": r"(http://\S+)",
            "user": r"user name:\s+(\S+)",
            "password": r"password:\s+(\S+)",
        }.items():
            if match := re.search(pattern, line):
                found[name] = match[1]
        if len(found) == 3:
            return Hub(**found)
    raise AssertionError(f"make run ended with {running.wait()} and said {found}\n{output.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host with the example with requirements."""
    root = tmp_path_factory.mktemp("git")
    example = ROOT / "examples/requirements"
    make_repository(root / "squares.git", {path.name: path.read_bytes() for path in example.iterdir()})
    with GitServer(root) as server:
        yield server


@pytest.fixture
def repository(host: GitServer) -> str:
    """URL of the example."""
    return host.url("squares.git")


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """Chromium; what its last page showed is left in the test's folder."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        for context in running.contexts:
            for page in context.pages:
                await page.screenshot(path=tmp_path / "last.png")
        await running.close()


async def logged_in(browser: Browser, hub: Hub, user: str, *, pictures: bool = False) -> Page:
    """A new browser profile in which `user` has logged in and sees the spawn page."""
    context = await browser.new_context(viewport={"width": 1280, "height": 860})
    page = await context.new_page()
    page.set_default_timeout(SLOW)
    await page.goto(hub.url)
    if pictures:
        await picture(page, "1-login")
    await page.fill("input[name=username]", user)
    await page.fill("input[name=password]", hub.password)
    await page.click("[type=submit]")
    await page.get_by_role("heading", name="Environment").wait_for()
    return page


async def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture for the docs, when asked to; of the `whole` page or of what is in sight from its top."""
    if PICTURES is not None:
        PICTURES.mkdir(exist_ok=True)
        await page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


async def run_all_cells(page: Page) -> None:
    """Run the notebook that is open, from JupyterLab's menu, once its kernel is there."""
    await page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    await page.get_by_role("menuitem", name="Run", exact=True).click()
    await page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


STOPPED = """async () => {
  for (;;) {
    const answer = await fetch(`${jhdata.base_url}api/users/${jhdata.user}?_xsrf=${jhdata.xsrf_token}`);
    const { server, pending } = await answer.json();
    if (!server && !pending) return;
    await new Promise((again) => setTimeout(again, 300));
  }
}"""


async def stop_server(page: Page, hub: Hub) -> None:
    """Stop the server from the hub's own page, whose button works once its scripts came; the hub says when it ended."""
    await page.goto(f"{hub.url}hub/home", wait_until="networkidle")
    await page.get_by_role("button", name=re.compile("Stop My Server")).click()
    async with asyncio.timeout(SLOW / 1000):
        await page.evaluate(STOPPED)


async def test_from_a_clean_clone_to_a_notebook_that_ran(browser: Browser, hub: Hub, repository: str) -> None:
    """
    Log in, choose, watch the build, run the repository's notebook; stop; start again from what was saved. A link to a
    line of the build's log still leads there.
    """
    page = await logged_in(browser, hub, hub.user, pictures=True)
    await page.get_by_role("radio", name=re.compile("1 CPU")).check()
    await page.get_by_role("radio", name="Repository").check()
    await page.get_by_label("Repository", exact=True).last.fill(repository)
    await page.get_by_label(re.compile("Path to open")).fill("squares.ipynb")
    await expect(page.get_by_text(re.compile("^(Not built here|Composed|Used again)"))).to_be_visible(timeout=SLOW)
    await picture(page, "2-choose")
    async with page.expect_request(re.compile("/api/builds/[^/]+/events")) as followed:
        await page.get_by_role("button", name="Build and start").click()
    build = (await followed.value).url.split("/")[-2]

    log = page.get_by_role("log")
    await expect(log).to_contain_text("Fetched", timeout=SLOW)
    await expect(log).to_contain_text("packages for Python", timeout=SLOW)
    await picture(page, "3-build")
    await page.wait_for_url(re.compile(rf"/user/{hub.user}/lab"), wait_until="commit")
    await run_all_cells(page)
    await expect(page.get_by_text("sum of squares: 285")).to_be_visible(timeout=SLOW)
    await expect(page.locator(".jp-OutputArea-output img")).to_be_visible(timeout=SLOW)
    await page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    news = page.get_by_role("button", name="No", exact=True)  # it asks whether to bring its makers' news
    await news.click()
    await expect(news).to_be_hidden()
    await picture(page, "4-lab")

    await stop_server(page, hub)
    await page.goto(f"{hub.url}hub/spawn")
    await page.get_by_role("radio", name=re.compile("squares")).check()
    await picture(page, "5-saved")
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.wait_for_url(re.compile(rf"/user/{hub.user}/lab"), wait_until="commit")
    await expect(page.get_by_role("listitem", name=re.compile("requirements.txt"))).to_be_visible(timeout=SLOW)
    await stop_server(page, hub)

    await page.goto(f"{hub.url}hub/spawn#build={build}&L2")
    await expect(page.locator(".hk-linked")).to_be_in_viewport(timeout=SLOW)


async def test_a_second_user_does_not_see_the_files_of_the_first(browser: Browser, hub: Hub) -> None:
    """Another user's server starts with an empty home of its own."""
    page = await logged_in(browser, hub, "someone-else")
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.wait_for_url(re.compile("/user/someone-else/lab"), wait_until="commit")
    await page.get_by_role("menuitem", name="File", exact=True).wait_for()
    found = await page.evaluate(LISTING, "/user/someone-else/api/contents")
    assert found.get("content") == [], found
    await stop_server(page, hub)


async def test_a_repository_that_is_not_there_is_explained(browser: Browser, hub: Hub, repository: str) -> None:
    """The page says what happened and keeps the log; the form can be changed."""
    page = await logged_in(browser, hub, "mistaken")
    await page.get_by_role("radio", name="Repository").check()
    await page.get_by_label("Repository", exact=True).last.fill(repository.replace("squares", "circles"))
    await page.get_by_role("button", name="Build and start").click()
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("no repository|not exist|private"), timeout=SLOW)
    await picture(page, "6-explained")


@pytest.mark.skipif(PICTURES is None, reason="takes a picture alone: links are tried in test_hub_launch.py")
async def test_a_link_fills_the_form_in_and_can_be_made_on_it(browser: Browser, hub: Hub, repository: str) -> None:
    """Whoever follows it finds the repository and the notebook, and what to put into a README."""
    page = await logged_in(browser, hub, "follower")
    await page.goto(f"{hub.url}hub/v2/git/{quote(repository, safe='')}/HEAD?labpath=squares.ipynb")
    await expect(page.get_by_label(re.compile("Path to open"))).to_have_value("squares.ipynb")
    await page.get_by_text("Link and badge").click()
    await page.get_by_text("QR code").click()
    await expect(page.get_by_text(re.compile("^(Not built here|Composed|Used again)"))).to_be_visible(timeout=SLOW)
    await picture(page, "7-link", whole=True)


async def ready(page: Page) -> None:
    """The build on the page has ended well; back to what it was of."""
    await page.get_by_role("button", name=re.compile("^Start")).wait_for()
    await page.go_back()


async def versions_of(page: Page) -> int:
    """How many versions the environment shown has."""
    await page.get_by_role("heading", name="Versions").wait_for()
    return await page.locator("section[aria-labelledby=hk-versions-title] li").count()


@pytest.mark.skipif(PICTURES is None, reason="takes pictures and minutes: asked for with HUBKILN_PICTURES=1")
async def test_environments_are_kept_up_to_date_and_changed(browser: Browser, hub: Hub, host: GitServer) -> None:
    """A newer commit told, and taken; packages edited in place, and compared. The rest: test_page_environments.py."""
    page = await logged_in(browser, hub, "keeper")
    address = host.url("squares.git")
    for text in (address, "inline/humanize"):  # after a list of packages, its box stands in the place of the field
        await page.goto(f"{hub.url}hub/spawn")
        await page.get_by_role("radio", name="Repository").check()
        await page.get_by_label("Repository", exact=True).last.fill(text)
        await page.get_by_role("button", name="Build and start").click()
        await page.wait_for_url(re.compile("/user/keeper/"), wait_until="commit")
        await stop_server(page, hub)
    commit = add_commit(host.root / "squares.git", {"more.txt": "more"})

    await page.goto(f"{hub.url}hub/environments")
    row = page.get_by_role("row", name=re.compile("squares"))
    await expect(row).to_contain_text(re.compile(r"\d+ (MB|kB).*\d+ packages"), timeout=SLOW)
    await expect(row).to_contain_text("newer commit on the default branch", timeout=SLOW)
    await picture(page, "8-environments")
    await row.get_by_role("button", name=re.compile("^Update squares")).click()
    await ready(page)
    await expect(page.get_by_role("row", name=re.compile("squares"))).to_contain_text(commit[:7], timeout=SLOW)

    await page.get_by_role("link", name="humanize", exact=True).click()
    await page.get_by_text("Edit its packages").click()
    packages = page.get_by_role("textbox", name="Packages").first
    await packages.fill("humanize\ntabulate")
    await page.get_by_role("button", name="Build the new version").click()
    await ready(page)
    await page.get_by_role("heading", name="humanize, tabulate", level=1).wait_for()
    assert await versions_of(page) == 2
    await page.get_by_role("button", name=re.compile("^Compare with")).click()
    await expect(page.get_by_role("row", name=re.compile("^tabulate"))).to_contain_text("not there", timeout=SLOW)
    await expect(page.get_by_text(re.compile(r"^\d+ MB, \d{3} packages"))).to_have_count(3, timeout=SLOW)
    await picture(page, "9-environment", whole=True)
