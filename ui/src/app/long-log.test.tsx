import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test, vi } from "vitest";
import { openPage } from "../testing/open-page";
import { begin } from "../testing/steps";

const line = (number: number) => `line ${String(number)} of a long log with \x1b[32mcolours\x1b[0m in it\n`;

/** A page that is opened while a build with 20,000 lines (a megabyte) runs. */
async function late() {
  const before = openPage();
  const build = await begin(before);
  for (let at = 0; at < 20_000; at += 200) build.say(Array.from({ length: 200 }, (_, index) => line(at + index)).join(""));
  const { hub } = before.reload();
  const shown = await screen.findByRole("log");
  await waitFor(() => {
    expect(shown.textContent).toContain("line 19999 of");
  });
  return { shown, hub };
}

const find = (text: string) => fireEvent.input(screen.getByRole("searchbox", { name: "Find in log" }), { target: { value: text } });

const showAll = () =>
  waitFor(() => {
    const more = screen.queryByRole("button", { name: "Show more of them" });
    if (more) fireEvent.click(more);
    expect(screen.queryByText(/earlier lines/)).toBeNull();
  });

describe("a long log", () => {
  test("shows its end at once, draws little of it, and says what is missing", async () => {
    const { shown } = await late();
    expect(shown.textContent.split("\n").length).toBeLessThan(1000);
    const row = screen.getByText(/About [\d,]+ earlier lines/);
    const lines = Number(/[\d,]+/.exec(row.textContent)?.[0].replaceAll(",", ""));
    expect(Math.abs(lines - 15_000)).toBeLessThan(1500);
    await showAll();
  });

  test("is searched to its beginning", async () => {
    const { shown } = await late();
    find("LINE 7 OF");
    await screen.findByText("1 of 1 line");
    await waitFor(() => {
      expect(shown.querySelector(".hk-found-now")?.textContent).toBe("line 7 of a long log with colours in it\n");
    });
    find("nowhere");
    await screen.findByText("Not found");
  });

  test("is gone through from hit to hit, newest first and round the ends", async () => {
    await late();
    find("line 1999");
    await screen.findByText("11 of 11 lines");
    const box = screen.getByRole("searchbox");
    expect(fireEvent.keyDown(box, { key: "Enter" })).toBe(false);
    await screen.findByText("10 of 11 lines");
    fireEvent.click(screen.getByRole("button", { name: "Find the next" }));
    fireEvent.click(screen.getByRole("button", { name: "Find the next" }));
    await screen.findByText("1 of 11 lines");
  });

  test("is copied whole", async () => {
    const copied = vi.fn<(text: string) => Promise<void>>(() => Promise.resolve());
    Object.defineProperty(navigator, "clipboard", { value: { writeText: copied }, configurable: true });
    await late();
    fireEvent.click(screen.getByRole("button", { name: "Copy log" }));
    await screen.findByText("Log copied.");
    const text = copied.mock.calls[0]?.[0] ?? "";
    expect(text.split("\n")).toHaveLength(20_001);
    expect(text.startsWith("line 0 of a long log with colours in it\n")).toBe(true);
  });

  test("whose earlier lines cannot be read says so, and can be asked again", async () => {
    const { hub } = await late();
    hub.down = true;
    fireEvent.click(screen.getByRole("button", { name: "Show more of them" }));
    await screen.findByText(/earlier lines: .*not/);
    hub.down = false;
    await showAll();
  });
});
