import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openPage, theButton } from "../testing/open-page";
import { begin, first, standing } from "../testing/steps";

describe("the start of a server", () => {
  test("is told on the page, step by step, which then leads to the server", async () => {
    const { went, posted } = openPage();
    fireEvent.click(await screen.findByRole("radio", { name: "Wave tank" }));
    fireEvent.click(theButton());
    const heading = await screen.findByRole("heading", { name: "Wave tank" });
    await waitFor(() => {
      expect(document.activeElement).toBe(heading);
    });
    await standing(/Starting your server… Opening the sandbox/);
    expect(screen.getByRole<HTMLProgressElement>("progressbar").value).toBe(50);
    expect(screen.getByText("Opening the sandbox").getAttribute("aria-current")).toBe("step");
    await waitFor(() => {
      expect(went).toEqual(["/user/ada/"]);
    });
    expect(posted()).toMatchObject({ profile: "small" });
  });

  test("that the hub refuses says why, and the form is as it was", async () => {
    const hub = new FakeHub();
    hub.unwilling = "That image is not allowed here.";
    const { went } = openPage({}, hub);
    fireEvent.click(screen.getByRole("radio", { name: "Large" }));
    fireEvent.click(theButton());
    expect((await screen.findByRole("alert")).textContent).toContain("That image is not allowed here.");
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "Large" }).checked).toBe(true);
    hub.unwilling = "";
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(went).toHaveLength(1);
    });
  });

  test.each(["ada is already running", "ada is pending spawn"])("of what runs already is no riddle: %s", async (refusal) => {
    const hub = new FakeHub();
    hub.unwilling = refusal;
    openPage({}, hub);
    fireEvent.click(theButton());
    expect((await screen.findByRole("alert")).textContent).toContain("A server of yours is running or starting already");
    expect(screen.getByRole("link", { name: "Open" }).getAttribute("href")).toBe("/user/ada/");
  });

  test("of one server too many says how many there may be and where to remove one, and the form is as it was", async () => {
    const hub = new FakeHub();
    hub.unwilling = "User ada already has the maximum of 2 named servers.  One must be deleted before a new server can be created";
    openPage({ serverName: "third" }, hub);
    fireEvent.click(screen.getByRole("radio", { name: "Large" }));
    fireEvent.click(theButton());
    expect((await screen.findByRole("alert")).textContent).toContain("You have the 2 servers beside the default one that this hub allows.");
    expect(screen.getByRole("link", { name: "Your servers" }).getAttribute("href")).toBe("/hub/environments");
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "Large" }).checked).toBe(true);
  });

  test("that fails after a build has its way back: start again, or change", async () => {
    const opened = openPage();
    opened.hub.start = [{ progress: 20, message: "Pulling" }, { progress: 100, failed: true, message: "Spawn failed: no room" }];
    await begin(opened);
    first(opened.hub).ready();
    expect((await screen.findByRole("alert")).textContent).toContain("Your server did not start. no room");
    expect(opened.went).toEqual([]);
    opened.hub.start = [{ progress: 100, ready: true, url: "/user/ada/" }];
    fireEvent.click(screen.getByRole("button", { name: "Start" }));
    await waitFor(() => {
      expect(opened.went).toEqual(["/user/ada/"]);
    });
  });

  test.each([
    ["Unhandled error starting server ada", "Your server did not start. Try again in a moment; if it stays so, tell whoever runs this hub."],
    ["the node is full.", "Your server did not start. the node is full. Try again in a moment; if it stays so, tell whoever runs this hub."],
  ])("that breaks at once, %s, is no fault of the form", async (why, told) => {
    const hub = new FakeHub();
    hub.unwilling = `HTTP 500: Internal Server Error (${why})`;
    openPage({}, hub);
    fireEvent.click(theButton());
    const said = await screen.findByRole("alert");
    expect([...said.querySelectorAll("p")].map((one) => one.textContent).join(" ")).toBe(told);
  });

  test.each([
    ["/user/ada/lab", "/user/ada/lab"],
    ["https://elsewhere.test/", "/user/ada/"],
    ["//elsewhere.test/", "/user/ada/"],
    ["/\\elsewhere.test/", "/user/ada/"],
  ])("with %j as the next address leads to %j", async (next, where) => {
    const { form, went } = openPage();
    form.setAttribute("action", `/hub/spawn?${new URLSearchParams({ next }).toString()}`);
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(went).toEqual([where]);
    });
  });

  test("whose progress breaks off is asked for again", async () => {
    const hub = new FakeHub();
    const whole = hub.start;
    hub.start = whole.slice(0, 1);
    const { went } = openPage({}, hub);
    fireEvent.click(theButton());
    await standing(/Opening the sandbox/);
    hub.start = whole;
    await waitFor(() => {
      expect(went).toEqual(["/user/ada/"]);
    });
    expect(hub.asked.filter((one) => one.includes("/progress")).length).toBeGreaterThan(1);
  });
});
