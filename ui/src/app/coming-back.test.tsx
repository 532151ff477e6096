import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openPage } from "../testing/open-page";
import { begin, logged } from "../testing/steps";

describe("coming back", () => {
  test("a reload shows the running build with its log from the first byte, and starts when it is ready", async () => {
    const opened = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "1 GB" }));
    const build = await begin(opened);
    build.phase("building");
    build.say("one\n");
    await logged("one\n");
    const again = opened.reload();
    await logged("one\n");
    build.say("two\n");
    await logged("one\ntwo\n");
    build.ready();
    await waitFor(() => {
      expect(again.posted()).toMatchObject({ "profile-option-small--memory": "g1", "hubkiln-open": "first.ipynb" });
    });
    expect(JSON.stringify({ ...sessionStorage })).not.toContain("token");
  });

  test("a build that ended meanwhile is offered, not started by itself", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.say("one\n");
    build.ready();
    await waitFor(() => {
      expect(opened.posted()).not.toBeNull();
    });
    sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: "b1", profile: "small", options: {}, open: "" }));
    const again = opened.reload();
    fireEvent.click(await screen.findByRole("button", { name: "Start" }));
    await logged("one\n");
    await waitFor(() => {
      expect(again.posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:b1" });
    });
  });

  test("a build begun elsewhere is shown, and waits for a word before it starts", async () => {
    const hub = new FakeHub();
    const build = hub.add({ phase: "building" });
    const { posted } = openPage({}, hub);
    await screen.findByRole("log");
    build.ready();
    await screen.findByRole("button", { name: "Start" });
    expect(posted()).toBeNull();
  });

  test("an interrupted build is one click from being built again", async () => {
    const hub = new FakeHub();
    hub.add({ phase: "interrupted" });
    openPage({}, hub);
    fireEvent.click(await screen.findByRole("button", { name: "Build lab/waves again" }));
    await screen.findByRole("log");
    expect(hub.builds).toHaveLength(2);
  });

  test("a build that nobody knows any more leaves the form", async () => {
    sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: "gone", profile: "large", options: { zone: "south" }, open: "" }));
    openPage();
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Large" })).checked).toBe(true);
  });
});
