import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { openPage } from "../testing/open-page";
import { begin } from "../testing/steps";

describe("a build", () => {
  test("has the focus when it is shown, and gives it back to the form", async () => {
    const opened = openPage();
    const build = await begin(opened);
    await focused(() => screen.getByRole("heading", { name: "lab/waves" }));
    build.phase("building");
    press("Leave it running");
    await focused(() => screen.getByRole("group", { name: "What to start" }));
    press(await screen.findByRole("button", { name: "Watch lab/waves" }));
    await focused(() => screen.getByRole("heading", { name: "lab/waves" }));
    build.fail({ code: "lock_failed", message: "No such package.", hint: "" }, true);
    await focused(() => screen.getByRole("alert"));
    press("Change");
    await focused(() => screen.getByRole("textbox", { name: "Repository" }));
  });

  test("tells its phases and its end in the tab's title, which is the hub's again afterwards", async () => {
    document.title = "JupyterHub";
    const build = await begin(openPage());
    build.phase("building");
    await waitFor(() => {
      expect(document.title).toBe("Building the environment · lab/waves · JupyterHub");
    });
    build.fail({ code: "lock_failed", message: "No such package.", hint: "" }, true);
    await waitFor(() => {
      expect(document.title).toBe("The build failed · lab/waves · JupyterHub");
    });
    fireEvent.click(await screen.findByRole("button", { name: "Change" }));
    await waitFor(() => {
      expect(document.title).toBe("JupyterHub");
    });
  });

  test("that is cancelled keeps the focus on the page", async () => {
    const build = await begin(openPage());
    build.phase("building");
    press("Cancel build");
    await screen.findByRole("button", { name: "Build again" });
    await focused(() => screen.getByRole("heading", { name: "lab/waves" }));
  });

  test("that is ready and starts by itself keeps the focus on the page", async () => {
    const opened = openPage();
    const build = await begin(opened);
    screen.getByRole("button", { name: "Cancel build" }).focus();
    build.ready();
    await waitFor(() => {
      expect(opened.posted()).not.toBeNull();
    });
    await focused(() => screen.getByRole("heading", { name: "lab/waves" }));
  });

  test("is spoken of by a region that was there before", async () => {
    const opened = openPage();
    const [region] = screen.getAllByRole("status");
    expect(region?.textContent).toBe("");
    const build = await begin(opened);
    build.phase("building");
    await waitFor(() => {
      expect(region?.textContent).toBe("Building the environment");
    });
    const lost = screen.getAllByRole("status").find((one) => one.className === "hk-lost");
    expect(lost?.textContent).toBe("");
    opened.hub.down = true;
    build.cut();
    await waitFor(() => {
      expect(lost?.textContent).toMatch(/Connection lost/);
    });
    expect(lost?.isConnected).toBe(true);
  });
});

function press(button: string | HTMLElement): void {
  const found = typeof button === "string" ? screen.getByRole("button", { name: button }) : button;
  found.focus();
  fireEvent.click(found);
}

const focused = (what: () => HTMLElement) =>
  waitFor(() => {
    expect(document.activeElement).toBe(what());
  });
