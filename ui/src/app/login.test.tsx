import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { openPage, theButton } from "../testing/open-page";
import { begin, first } from "../testing/steps";

const ask = () => {
  fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
  fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
  fireEvent.click(theButton());
};

const toLogIn = async () => {
  const link = await screen.findByRole("link", { name: "Log in again" });
  expect([link.getAttribute("href"), link.getAttribute("target")]).toEqual(["/hub/login", "_blank"]);
};

describe("a login that has ended", () => {
  test("is said before a build is asked for; after another login all goes on, nothing lost", async () => {
    const { hub } = openPage();
    hub.login = null;
    ask();
    await toLogIn();
    expect(hub.requests).toEqual([]);
    expect(screen.getByRole("textbox", { name: "Repository" })).toHaveProperty("value", "lab/waves");
    hub.login = { name: "ada", xsrf: "" };
    fireEvent.click(theButton());
    await screen.findByRole("heading", { name: "lab/waves" });
  });

  test("is said before the form is sent, and the next login's token is sent with it", async () => {
    const { hub, posted, form } = openPage();
    form.setAttribute("action", "/hub/spawn?next=%2Fa&_xsrf=old");
    hub.login = null;
    fireEvent.click(theButton());
    await toLogIn();
    expect(posted()).toBeNull();
    hub.login = { name: "ada", xsrf: "new" };
    document.cookie = "_xsrf=new";
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).not.toBeNull();
    });
    expect(hub.asked).toContain("POST /hub/spawn?next=%2Fa&_xsrf=new");
    document.cookie = "_xsrf=; max-age=0";
  });

  test("stops what is done about builds, too", async () => {
    const opened = openPage();
    const build = await begin(opened);
    opened.hub.login = null;
    fireEvent.click(screen.getByRole("button", { name: "Cancel build" }));
    await toLogIn();
    expect(build.build.phase).not.toBe("cancelled");
  });

  test("when the build is ready leaves the way to start it", async () => {
    const opened = openPage();
    await begin(opened);
    opened.hub.login = null;
    first(opened.hub).ready();
    await toLogIn();
    opened.hub.login = { name: "ada", xsrf: "" };
    fireEvent.click(screen.getByRole("button", { name: "Start" }));
    await waitFor(() => {
      expect(opened.posted()).not.toBeNull();
    });
  });

  test("by which somebody else is logged in starts nothing for them", async () => {
    const { hub, posted } = openPage();
    ask();
    await screen.findByRole("heading", { name: "lab/waves" });
    hub.login = { name: "bob", xsrf: "" };
    fireEvent.click(screen.getByRole("button", { name: "Cancel build" }));
    await screen.findByText("You are logged in as bob now.");
    expect(posted()).toBeNull();
  });
});

describe("Back", () => {
  test("leads from a build to the form, while the build goes on", async () => {
    const opened = openPage();
    const build = await begin(opened);
    window.history.back();
    await screen.findByRole("textbox", { name: "Repository" });
    expect(build.build.phase).toBe("queued");
    expect(screen.getByRole("textbox", { name: "Repository" })).toHaveProperty("value", "lab/waves");
  });

  test("and then Forward lead to the form and to the build again, which waits for a word before it starts", async () => {
    const opened = openPage();
    const build = await begin(opened);
    window.history.back();
    await screen.findByRole("textbox", { name: "Repository" });
    window.history.forward();
    await screen.findByRole("heading", { name: "lab/waves" });
    build.ready();
    await screen.findByRole("button", { name: "Start" });
    expect(opened.posted()).toBeNull();
    window.history.back();
    await screen.findByRole("textbox", { name: "Repository" });
  });

  test("after the page's own button leads off the page", async () => {
    const opened = openPage();
    const before = window.history.length;
    await begin(opened);
    fireEvent.click(screen.getByRole("button", { name: "Leave it running" }));
    await screen.findByRole("textbox", { name: "Repository" });
    await waitFor(() => {
      expect(window.history.state).toBeNull();
    });
    expect(window.history.length - before).toBeLessThanOrEqual(1);
  });

  test("after a reload leads to the form as well", async () => {
    const opened = openPage();
    await begin(opened);
    opened.reload();
    await screen.findByRole("heading", { name: "lab/waves" });
    window.history.back();
    await screen.findByRole("textbox", { name: "Repository" });
  });
});
