"""Tasks of over 50 ms on the spawn page with 300 profiles and 5,000 saved environments, in Chromium.

Needs `npm run dev` in ``ui/`` and Playwright: ``python benchmarks/page.py [ADDRESS]``. A task is what keeps a page from
answering; the browser itself reports those of over 50 ms. The page is served unbundled, so that its scripts are read
one by one before the first task that counts; what is measured begins when they have been.
"""

from __future__ import annotations

import json
import os
import sys

from playwright.sync_api import Page, sync_playwright

WATCH = """
window.longest = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longest.push([Math.round(one.startTime), Math.round(one.duration)]);
}).observe({type: "longtask", buffered: true});
"""


def measured(page: Page, address: str) -> dict[str, object]:
    """One visit: what took long until it could be used, and while it was."""
    page.goto(f"{address}/hub/spawn?page=many")
    page.get_by_role("radio", name="Tank 0", exact=True).wait_for()
    drawn = page.evaluate("performance.now()")
    page.evaluate("window.before = window.longest.splice(0)")
    page.get_by_role("radio", name="Machine 250").check()
    page.get_by_role("radio", name="Tank 40", exact=True).check()
    page.get_by_role("searchbox", name="Find a saved environment").press_sequentially("Tank 4999", delay=30)
    page.get_by_role("radio", name="Tank 4999").wait_for()
    page.get_by_role("radio", name="Repository").check()
    page.get_by_role("textbox", name="Repository").press_sequentially("lab/waves", delay=30)
    page.wait_for_timeout(1000)
    used = page.evaluate("window.longest")
    return {"drawn_ms": round(drawn), "before_ms": page.evaluate("window.before"), "while_used_ms": used}


def main() -> None:
    """Five visits; the machine's load beside them."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5173"
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(5):
            page = browser.new_page()  # a tab remembers what was chosen in it
            page.add_init_script(WATCH)
            told = {"load": os.getloadavg()[0]} | measured(page, address)
            print(json.dumps(told), flush=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
