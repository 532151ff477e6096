"""Takes pictures of every state of the spawn page, wide and narrow, light and dark, and runs axe on each.

Needs `npm run dev` in another terminal and Playwright for Python: ``python fake/look.py [ADDRESS] [FOLDER]``.
``CHROMIUM`` names the browser if Playwright has none of its own. Pictures go to ``shots/``, which git ignores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

HERE = Path(__file__).parent
AXE = (HERE.parent / "node_modules/axe-core/axe.min.js").read_text()
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
SIZES = {"wide": 1280, "narrow": 380}


def listed(page: Page) -> None:
    page.get_by_role("radio", name="Wave tank").check()


def menu(page: Page) -> None:
    page.get_by_role("button", name="Manage Wave tank").click()
    page.get_by_role("button", name="Rename").click()


def typed(page: Page) -> None:
    page.get_by_role("radio", name="Large").check()
    page.get_by_role("radio", name="Any image").check()
    page.get_by_label("Image", exact=True).fill("nonsense")
    page.get_by_role("button", name="Start").click()


def repository(page: Page, address: str = "lab/waves") -> None:
    page.get_by_role("radio", name="Repository").check()
    page.get_by_label("Repository").last.fill(address)
    page.get_by_text("More", exact=True).click()


def building(page: Page) -> None:
    repository(page, "lab/lost")
    page.get_by_role("button", name="Build and start").click()
    expect(page.get_by_role("log")).to_contain_text("package-9", timeout=30_000)


def failed(page: Page) -> None:
    repository(page, "lab/fail-again")
    page.get_by_role("button", name="Build and start").click()
    expect(page.get_by_role("alert")).to_contain_text("numpyy", timeout=30_000)


SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "first": ("", lambda page: None),
    "listed": ("", listed),
    "menu": ("", menu),
    "typed": ("", typed),
    "no-typed": ("typed=no", lambda page: None),
    "repository": ("", repository),
    "refused": ("page=refused", lambda page: None),
    "one-profile": ("page=one", lambda page: None),
    "no-profiles": ("page=none", lambda page: None),
    "building": ("", building),
    "failed": ("", failed),
}


def look(browser: Browser, address: str, folder: Path, scene: str, size: str, theme: str) -> list[str]:
    """One picture; what axe says against it."""
    query, act = SCENES[scene]
    page = browser.new_page(viewport={"width": SIZES[size], "height": 900}, color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    said: list[str] = []
    page.on("console", lambda message: said.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.goto(f"{address}/hub/spawn?fresh=yes&{query}")
    page.get_by_role("button").first.wait_for()
    expect(page.get_by_role("radio", name="lab/course")).to_be_attached() if scene != "no-profiles" else None
    act(page)
    page.wait_for_timeout(150)
    page.screenshot(path=folder / f"{scene}-{size}-{theme}.png", full_page=True)
    page.evaluate(AXE)
    found = page.evaluate("axe.run('#hubkiln')")["violations"]
    said += [
        f"axe {one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.close()
    return [*said, *(["wider than the window"] if wider else [])]


def main() -> int:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5173"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else HERE.parent / "shots")
    folder.mkdir(exist_ok=True, parents=True)
    wanted = sys.argv[3:] or list(SCENES)
    bad = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=FLAGS)
        for scene in wanted:
            for size in SIZES:
                for theme in ("light", "dark"):
                    for line in look(browser, address, folder, scene, size, theme):
                        print(f"{scene} {size} {theme}: {line}")
                        bad += 1
        browser.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
