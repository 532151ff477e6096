import { cleanup, fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test, vi } from "vitest";
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
    sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: "b1", asked: true, sent: false, choice: {} }));
    const again = opened.reload();
    fireEvent.click(await screen.findByRole("button", { name: "Start" }));
    await logged("one\n");
    await waitFor(() => {
      expect(again.posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:b1" });
    });
  });

  test.each([
    ["back_forward", true],
    ["navigate", false],
  ])("whoever comes by %s after a start finds what was started, and again after a reload: %s", async (type, found) => {
    const came = vi.spyOn(performance, "getEntriesByType").mockReturnValue([{ type }] as unknown as PerformanceEntry[]);
    sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: null, asked: true, sent: true, choice: { profile: "large" } }));
    const opened = openPage();
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Large" })).checked).toBe(found);
    came.mockReturnValue([{ type: "reload" }] as unknown as PerformanceEntry[]);
    opened.reload();
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Large" })).checked).toBe(found);
  });

  test("a build begun elsewhere leaves the form alone, can be watched, and waits for a word before it starts", async () => {
    const hub = new FakeHub();
    const build = hub.add({ phase: "building" });
    const { posted } = openPage({}, hub);
    fireEvent.click(await screen.findByRole("button", { name: "Watch lab/waves" }));
    await screen.findByRole("log");
    build.ready();
    await screen.findByRole("button", { name: "Start" });
    expect(posted()).toBeNull();
  });

  test("an interrupted build is one click from being built again", async () => {
    const hub = new FakeHub();
    hub.add({ phase: "interrupted" });
    openPage({}, hub);
    fireEvent.click(await screen.findByRole("button", { name: "Build again: lab/waves" }));
    await screen.findByRole("log");
    expect(hub.builds).toHaveLength(2);
  });

  test("a build that nobody knows any more leaves the form", async () => {
    sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: "gone", asked: true, sent: false, choice: { profile: "large" } }));
    openPage();
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Large" })).checked).toBe(true);
  });

  test("nothing is lost when a build is left running and the page is loaded again", async () => {
    const opened = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "4 GB" }));
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.change(screen.getByRole("combobox", { name: "Packages as of" }), { target: { value: "commit" } });
    fireEvent.click(screen.getByRole("checkbox", { name: /afresh/ }));
    await begin(opened);
    fireEvent.click(await screen.findByRole("button", { name: "Leave it running" }));
    await screen.findByRole("button", { name: "Watch lab/waves" });
    opened.reload();
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "4 GB" }).checked).toBe(true);
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Repository" }).value).toBe("lab/waves");
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: /Path to open/ }).value).toBe("first.ipynb");
    expect(screen.getByRole<HTMLSelectElement>("combobox", { name: "Packages as of" }).value).toBe("commit");
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: /afresh/ }).checked).toBe(true);
  });

  test("how packages are chosen is there again after a reload in the middle of the build", async () => {
    const opened = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.change(screen.getByRole("combobox", { name: "Packages as of" }), { target: { value: "date" } });
    fireEvent.input(screen.getByLabelText(/^Date/), { target: { value: "2024-01-31" } });
    const build = await begin(opened);
    opened.reload();
    await screen.findByRole("log");
    build.fail({ code: "lock_failed", message: "No such package.", hint: "" }, false);
    fireEvent.click(await screen.findByRole("button", { name: "Change" }));
    expect(screen.getByLabelText<HTMLInputElement>(/^Date/).value).toBe("2024-01-31");
  });

  test("the path typed for one repository does not open in a build that was watched meanwhile", async () => {
    const hub = new FakeHub();
    const other = hub.add({ phase: "building", title: "lab/other" });
    const { posted } = openPage({}, hub);
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(screen.getByRole("textbox", { name: /Path to open/ }), { target: { value: "mine.ipynb" } });
    fireEvent.click(await screen.findByRole("button", { name: "Watch lab/other" }));
    other.ready();
    fireEvent.click(await screen.findByRole("button", { name: "Start" }));
    await waitFor(() => {
      expect(posted()).toMatchObject({ "profile-option-small--image": "--extra-selectable-item" });
    });
    expect(posted()).not.toHaveProperty("hubkiln-open");
  });

  test("a watched build that is to be changed fills the form in", async () => {
    const hub = new FakeHub();
    const other = hub.add({ phase: "building", title: "lab/other", spec: { provider: "gl", repository: "lab/other", ref: "v1", subdir: "" } });
    openPage({}, hub);
    fireEvent.click(await screen.findByRole("button", { name: "Watch lab/other" }));
    other.fail({ code: "lock_failed", message: "No such package.", hint: "" }, false);
    fireEvent.click(await screen.findByRole("button", { name: "Change" }));
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Repository" }).value).toBe("gl/lab/other");
  });

  test("a choice whose start was refused is there again, one that was taken is not kept", async () => {
    const opened = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Any image" }));
    fireEvent.input(screen.getByRole("textbox", { name: "Image" }), { target: { value: "org/image:1" } });
    fireEvent.click(screen.getByRole("button", { name: "Start" }));
    await waitFor(() => {
      expect(opened.posted()).not.toBeNull();
    });
    const storage = { ...sessionStorage };
    cleanup();
    document.body.replaceChildren();
    openPage({ problem: "No room." });
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Image" }).value).toBe("org/image:1");
    cleanup();
    document.body.replaceChildren();
    Object.entries(storage).forEach(([name, value]) => {
      sessionStorage.setItem(name, value as string);
    });
    openPage();
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "Listed" }).checked).toBe(true);
  });

  test("what a link filled in is not kept before the user has acted on it", async () => {
    openPage({ linked: true, chosen: { profile: "small", "image--unlisted-choice": "org/image:1" } });
    fireEvent.click(screen.getByRole("radio", { name: "4 GB" }));
    await screen.findByRole("radio", { name: "Listed" });
    expect({ ...sessionStorage }).toEqual({});
  });
});
