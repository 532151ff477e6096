"""The spawn page's long tasks, and how soon it can be used, by the processor time of Chromium's main thread.

Needs a built front end (``npm run build`` in ``ui/``), `npm run dev` there and Playwright:
``python benchmarks/page.py [ADDRESS]``. A task is what keeps a page from answering. Each is told by its thread's
processor time, which other programs on the machine do not lengthen, and by the clock beside it. What is measured is
ours alone: the fake hub's page has none of the hub's own scripts, and the front end is served as it is shipped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

LONG = 50
"""Milliseconds."""

CATEGORIES = ["toplevel", "devtools.timeline", "blink.user_timing", "__metadata"]

USABLE = """
new MutationObserver((_, watch) => {
  if (!document.querySelector("#hubkiln button")) return;
  performance.mark("usable");
  watch.disconnect();
}).observe(document, {childList: true, subtree: true});
"""


def many(page: Page) -> None:
    """300 profiles and 5,000 saved environments: chosen among, and searched."""
    page.get_by_role("radio", name="Tank 0", exact=True).wait_for()
    page.get_by_role("radio", name="Machine 250").check()
    page.get_by_role("radio", name="Tank 40", exact=True).check()
    page.get_by_role("searchbox", name="Find among").press_sequentially("Tank 4999", delay=30)
    page.get_by_role("radio", name="Tank 4999").wait_for()
    page.get_by_role("radio", name="Repository").check()
    page.get_by_role("textbox", name="Repository").press_sequentially("lab/waves", delay=30)


def long_log(page: Page) -> None:
    """A build that prints 100,000 lines: followed to its end, searched, read from its beginning."""
    page.get_by_role("radio", name="Repository").check()
    page.get_by_role("textbox", name="Repository").fill("lab/long")
    page.get_by_role("button", name="Build and start").click()
    page.get_by_text("99999 Unpacking").wait_for(timeout=120_000)
    page.get_by_role("searchbox", name="Find in log").fill("12345 Unpacking")
    page.get_by_text("1 of 1 line").wait_for(timeout=60_000)


def first(page: Page) -> None:
    """A page as most hubs have it."""


VISITS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "usual": ("", first),
    "300 profiles, 5,000 environments": ("&page=many", many),
    "100,000 lines of log": ("", long_log),
}


def visited(browser: Browser, address: str, query: str, act: Callable[[Page], None]) -> dict[str, Any]:
    """One visit in a tab of its own, for a tab remembers what was chosen in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(USABLE)
    page.goto("about:blank")
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(f"{address}/hub/spawn?fresh=yes&built=yes{query}")
    page.get_by_role("button", name="Start", exact=True).wait_for()
    act(page)
    page.wait_for_timeout(500)
    html = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    usable = page.evaluate("performance.getEntriesByName('usable')[0].startTime")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    context.close()
    return {"usable_after_html_ms": round(usable - html), **of_main_thread(events)}


def of_main_thread(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Processor time until the page could be used, and its long tasks: `[processor, clock]` each."""
    mark = next(one for one in events if one["name"] == "usable")
    thread = mark["pid"], mark["tid"]
    start = max(
        (one["ts"] for one in events if one["name"] == "CommitLoad" and one["ts"] < mark["ts"]), default=mark["ts"]
    )
    tasks = [
        one
        for one in events
        if one.get("ph") == "X"
        and one["name"] == "ThreadControllerImpl::RunTask"
        and (one["pid"], one["tid"]) == thread
        and "tdur" in one
    ]
    before = sum(one["tdur"] for one in tasks if start <= one["ts"] <= mark["ts"]) / 1000
    long = [[round(one["tdur"] / 1000), round(one["dur"] / 1000)] for one in tasks if one["tdur"] > LONG * 1000]
    return {"cpu_until_usable_ms": round(before), "tasks": len(tasks), "long_tasks_ms": long}


def main() -> None:
    """Each visit thrice; the machine's load beside it."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5173"
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for name, (query, act) in VISITS.items():
            for _ in range(3):
                told = {"visit": name, "load": round(os.getloadavg()[0], 1)}
                print(json.dumps(told | visited(browser, address, query, act)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
