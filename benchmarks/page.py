"""The spawn page's long tasks, and how soon it can be used, by the processor time of Chromium's main thread.

Needs a built front end (``npm run build`` in ``ui/``), `npm run dev` there and Playwright:
``python benchmarks/page.py [ADDRESS]``. A task is what keeps a page from answering. Each is told by its thread's
processor time, which other programs on the machine do not lengthen, and by the clock beside it. What is measured is
ours alone: the fake hub's page has none of the hub's own scripts, and the front end is served as it is shipped.
``beside.py`` has the page in a real hub, beside others'.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from journey import machine
from playwright.sync_api import Browser, Page, sync_playwright

ROUNDS = 3
LONG = 50
"""Milliseconds."""

CATEGORIES = ["toplevel", "devtools.timeline", "blink.user_timing", "__metadata"]


def marks(selector: str) -> str:
    """A script for a new page that marks when what `selector` finds is there: the page's first control."""
    return f"""
    new MutationObserver((_, watch) => {{
      if (!document.querySelector({json.dumps(selector)})) return;
      performance.mark("usable");
      watch.disconnect();
    }}).observe(document, {{childList: true, subtree: true}});
    """


AFTER_HTML = """
performance.getEntriesByName("usable")[0].startTime - performance.getEntriesByType("navigation")[0].responseEnd
"""
"""Milliseconds from the page's HTML to its first control."""


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
    page.add_init_script(marks("#hubkiln button"))
    page.goto("about:blank")
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(f"{address}/hub/spawn?fresh=yes&built=yes{query}")
    page.get_by_role("button", name="Start", exact=True).wait_for()
    act(page)
    page.wait_for_timeout(500)
    usable = page.evaluate(AFTER_HTML)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    context.close()
    return {"usable": usable, **of_main_thread(events)}


def of_main_thread(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Processor time until the page could be used, and how many tasks were long, by the processor and by the clock."""
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
    return {
        "processor": sum(one["tdur"] for one in tasks if start <= one["ts"] <= mark["ts"]) / 1000,
        "long": sum(one["tdur"] > LONG * 1000 for one in tasks),
        "long_by_clock": sum(one["dur"] > LONG * 1000 for one in tasks),
    }


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that all pages are measured in."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def rounds(values: Sequence[float]) -> str:
    """The median, and each round's."""
    return f"{statistics.median(values):,.0f} ({', '.join(f'{value:,.0f}' for value in values)})"


def main() -> None:
    """Each visit thrice, as a table in Markdown."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5173"
    load = os.getloadavg()[0]
    with chromium() as browser:
        told = {
            name: [visited(browser, address, query, act) for _ in range(ROUNDS)]
            for name, (query, act) in VISITS.items()
        }
    print("# The spawn page\n\n## By itself\n")
    print(f"{machine()}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after; {ROUNDS} rounds, medians and each.")
    print(f"\n| | HTML to the first control, ms | processor until then, ms | tasks over {LONG} ms | by the clock |")
    print("|---|---|---|---|---|")
    for name, visits in told.items():
        measured = {key: [visit[key] for visit in visits] for key in visits[0]}
        print(
            f"| {name} | {rounds(measured['usable'])} | {rounds(measured['processor'])} | {sum(measured['long'])} "
            f"| {sum(measured['long_by_clock'])} |"
        )


if __name__ == "__main__":
    main()
