import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { afterEach, describe, expect, test, vi } from "vitest";
import { hashOf, linesIn } from "../features/build/use-lines";
import { FakeHub } from "../testing/fake-hub";
import { openPage } from "../testing/open-page";

const go = (hash: string) => {
  window.history.replaceState(null, "", `/hub/spawn/ada${hash}`);
};

afterEach(() => {
  go("");
});

/** A build that somebody began, with a log of so many lines of about 50 bytes. */
function built(hub: FakeHub, lines: number) {
  const build = hub.add({ phase: "building" });
  for (let at = 1; at <= lines; at += 200) build.say(Array.from({ length: Math.min(200, lines + 1 - at) }, (_, index) => `line ${String(at + index)} of a log whose lines are not short\n`).join(""));
  return build;
}

const marked = (log: HTMLElement) => [...log.querySelectorAll(".hk-linked")].map((line) => /line \d+/.exec(line.textContent)?.[0]);

describe("a link to lines of a log", () => {
  test("opens the build and marks them, also before what is shown at first, and again after a reload", async () => {
    const hub = new FakeHub();
    const build = built(hub, 20_000);
    go(`#build=${build.build.id}&L7-L9`);
    const opened = openPage({}, hub);
    const log = await screen.findByRole("log");
    await waitFor(() => {
      expect(marked(log)).toEqual(["line 7", "line 8", "line 9"]);
    });
    opened.reload();
    const again = await screen.findByRole("log");
    await waitFor(() => {
      expect(marked(again)).toEqual(["line 7", "line 8", "line 9"]);
    });
    window.location.hash = "#L2";
    await waitFor(() => {
      expect(marked(again)).toEqual(["line 2"]);
    });
  });

  test("is copied by a press on a line's number, with Shift to it from the one before, and leaves out whose page it is", async () => {
    const copied = vi.fn<(text: string) => Promise<void>>(() => Promise.resolve());
    Object.defineProperty(navigator, "clipboard", { value: { writeText: copied }, configurable: true });
    const hub = new FakeHub();
    const { id } = built(hub, 300).build;
    go(`#build=${id}&L50`);
    openPage({}, hub);
    const log = await screen.findByRole("log");
    await waitFor(() => {
      expect(marked(log)).toEqual(["line 50"]);
    });
    const numbers = [...log.querySelectorAll<HTMLElement>(".hk-number")];
    const press = (line: number, shiftKey: boolean) => {
      const at = numbers.find((number) => number.parentElement?.dataset["from"] === "1");
      const page = at?.parentElement?.querySelectorAll(".hk-number");
      fireEvent.click(page?.[line - 1] as Element, { shiftKey });
    };
    press(20, false);
    await screen.findByText("Link copied.");
    press(22, true);
    expect(marked(log)).toEqual(["line 20", "line 21", "line 22"]);
    expect(copied.mock.calls.map(([text]) => text)).toEqual([`#build=${id}&L20`, `#build=${id}&L20-L22`].map((hash) => `${window.location.origin}/hub/spawn${hash}`));
    expect(window.location.hash).toBe(`#build=${id}&L20-L22`);
    fireEvent.click(screen.getByRole("button", { name: "Leave it running" }));
    await waitFor(() => {
      expect(window.location.hash).toBe("");
    });
    expect(screen.queryByRole("log")).toBeNull();
  });

  test("to a log that is gone or may not be read says so, and leaves the form", async () => {
    go("#build=somebodys&L3");
    openPage({}, new FakeHub());
    await screen.findByText(/not yours to read/);
    expect(screen.queryByRole("log")).toBeNull();
  });

  test("reads what it writes, and lines in any order", () => {
    expect(linesIn("#L120")).toEqual({ first: 120, last: 120 });
    expect(linesIn("#L140-L120")).toEqual(linesIn("#L120-140"));
    expect(linesIn(hashOf("b-1", { first: 3, last: 4 }))).toEqual({ first: 3, last: 4 });
    for (const hash of ["", "#L0", "#L", "#L1x", "#build=&L1", "#L12345678901"]) expect(linesIn(hash)).toBeNull();
  });
});
