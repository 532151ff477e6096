import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { openPage, theButton } from "../testing/open-page";
import { begin, first, logged, standing } from "../testing/steps";

describe("a build", () => {
  test("shows its phases and log, and starts the server when it is ready", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.tell({ type: "queued", position: 2 });
    await standing(/place 2 in the queue$/);
    build.tell({ type: "queued", position: 1, seconds: 130 });
    await standing(/place 1 in the queue, about 2 min/);
    build.phase("resolving");
    build.tell({ type: "resolved", commit: "0123456789abcdef0123456789abcdef01234567" });
    build.phase("planning");
    build.tell({ type: "planned", plan: "compose", why: ["all packages have wheels"] });
    build.phase("building");
    build.tell({ type: "progress", done: 5_000_000, total: 20_000_000 });
    build.say("one\n\x1b[31mtwo\x1b[0m");
    await logged("one\ntwo");
    await standing(/Building the environment/);
    expect(screen.getByText("two").className).toBe("hk-f1");
    expect(screen.getByText(/all packages have wheels/)).toBeTruthy();
    expect(screen.getByRole("progressbar", { name: /Progress/ })).toBeTruthy();
    expect(opened.posted()).toBeNull();
    build.phase("verifying");
    build.ready();
    await waitFor(() => {
      expect(opened.posted()).toEqual({
        profile: "small",
        "profile-option-small--memory": "g2",
        "profile-option-small--image": "--extra-selectable-item",
        "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:b1",
        "profile-option-small--image--unlisted-choice--repo": "lab/waves",
        "profile-option-small--image--unlisted-choice--ref": "HEAD",
        "hubkiln-open": "first.ipynb",
      });
    });
  });

  test("that was ready before the answer came starts the server all the same", async () => {
    const opened = openPage();
    opened.hub.story = (build) => {
      build.ready();
    };
    await begin(opened);
    await waitFor(() => {
      expect(opened.posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:b1" });
    });
  });

  test("asks for what the fields say", async () => {
    const { hub } = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    const fill = (name: RegExp | string, value: string) => fireEvent.input(screen.getByRole("textbox", { name }), { target: { value } });
    fill("Repository", " https://example.org/a.git ");
    fill(/Branch/, "v1");
    fill(/Folder/, "sub");
    fireEvent.change(screen.getByRole("combobox", { name: "Packages as of" }), { target: { value: "commit" } });
    fireEvent.click(screen.getByRole("checkbox", { name: /afresh/ }));
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(hub.requests).toEqual([expect.objectContaining({ spec: "https://example.org/a.git", ref: "v1", subdir: "sub", as_of: "commit", refresh: true })]);
    });
  });

  test("pressed twice is asked for once", async () => {
    const opened = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
    fireEvent.click(theButton());
    fireEvent.click(theButton());
    await screen.findByRole("log");
    expect(opened.hub.requests).toHaveLength(1);
  });

  test("that is refused says why and keeps the form", async () => {
    const opened = openPage();
    opened.hub.refusal = { status: 404, error: { code: "repository_not_found", message: "There is no such repository.", hint: "Check the address." } };
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/none" } });
    fireEvent.click(theButton());
    expect((await screen.findByRole("alert")).textContent).toContain("Check the address.");
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Repository" }).value).toBe("lab/none");
  });

  test("that fails explains itself, keeps its log, and can be tried again or changed", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.phase("fetching");
    build.say("what happened\n");
    build.fail({ code: "unreachable", message: "The host does not answer.", hint: "Try again later." }, true);
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The host does not answer.Try again later.");
    await waitFor(() => {
      expect(document.activeElement).toBe(alert);
    });
    await logged("what happened\n");
    expect(opened.posted()).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => {
      expect(opened.hub.builds).toHaveLength(2);
    });
    first(opened.hub).ready();
    await waitFor(() => {
      expect(opened.posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:b2" });
    });
  });

  test("whose repository is at fault offers a change, not another try", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.fail({ code: "lock_failed", message: "There is no package named numpyy.", hint: "" }, false);
    await screen.findByRole("alert");
    expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Change" }));
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Repository" }).value).toBe("lab/waves");
  });

  test.each([
    ["lock_failed", ["Build with packages of the commit's day", "Change", "Try again"]],
    ["limit_reached", ["Change", "Try again"]],
    ["unreachable", ["Try again", "Change"]],
    ["disk_full", ["Try again", "Change"]],
  ])("that failed with %s has as its main button the first of %j", async (code, labels) => {
    const build = await begin(openPage());
    build.fail({ code, message: "It failed.", hint: "" }, true);
    const alert = await screen.findByRole("alert");
    const buttons = within(alert).getAllByRole("button");
    expect(buttons.map((one) => one.textContent)).toEqual(labels);
    expect(buttons.map((one) => one.classList.contains("hk-button-primary"))).toEqual(labels.map((_, index) => index === 0));
  });

  test("is put right by its first button: built again at once, or with the focus on what to correct", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.fail({ code: "lock_failed", message: "No version fits.", hint: "" }, true);
    fireEvent.click(await screen.findByRole("button", { name: "Build with packages of the commit's day" }));
    await waitFor(() => {
      expect(opened.hub.requests.at(-1)).toEqual(expect.objectContaining({ spec: "lab/waves", as_of: "commit" }));
    });
    await waitFor(() => {
      expect(screen.queryByRole("alert")).toBeNull();
    });
    first(opened.hub).fail({ code: "too_large", message: "It is too large.", hint: "" }, false);
    fireEvent.click(await screen.findByRole("button", { name: "Choose a folder of it" }));
    await waitFor(() => {
      expect(document.activeElement?.id).toBe("hk-field-subdir");
    });
    expect(document.activeElement?.closest("details")?.open).toBe(true);
    expect(screen.getByRole<HTMLSelectElement>("combobox", { name: "Packages as of" }).value).toBe("commit");
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: /Path to open/ }).value).toBe("first.ipynb");
  });

  test("whose stream is lost says so, and goes on where it stopped", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.phase("building");
    build.say("one\n");
    await logged("one\n");
    opened.hub.down = true;
    build.cut();
    await standing(/Connection lost, reconnecting/);
    expect(screen.queryByRole("alert")).toBeNull();
    build.say("two\n");
    opened.hub.down = false;
    await logged("one\ntwo\n");
    expect(build.opened).toEqual([null, "3"]);
    await waitFor(() => {
      expect(screen.queryByText(/Connection lost/)).toBeNull();
    });
  });

  test("whose computer loses its network says so at once, and goes on when it is back", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.say("one\n");
    await logged("one\n");
    opened.hub.down = true;
    window.dispatchEvent(new Event("offline"));
    await standing(/Connection lost, reconnecting/);
    opened.hub.down = false;
    build.say("two\n");
    await logged("one\ntwo\n");
    expect(build.opened).toHaveLength(2);
  });

  test("is followed with a new token when the old one is refused", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.say("one\n");
    await logged("one\n");
    opened.hub.token = "token-2";
    build.cut();
    build.say("two\n");
    await logged("one\ntwo\n");
    expect(opened.hub.asked.filter((one) => one.includes("/tokens"))).toHaveLength(2);
  });

  test("can be cancelled, and then built again", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.phase("building");
    fireEvent.click(await screen.findByRole("button", { name: "Cancel build" }));
    await standing(/The build was cancelled/);
    expect(build.build.phase).toBe("cancelled");
    fireEvent.click(screen.getByRole("button", { name: "Build again" }));
    await screen.findByRole("button", { name: "Cancel build" });
    expect(opened.hub.builds).toHaveLength(2);
    expect(opened.posted()).toBeNull();
  });

  test("may be left running, and watched again", async () => {
    const opened = openPage();
    const build = await begin(opened);
    build.phase("building");
    fireEvent.click(await screen.findByRole("button", { name: "Leave it running" }));
    fireEvent.click(await screen.findByRole("button", { name: "Watch lab/waves" }));
    await screen.findByRole("log");
    expect(build.build.phase).toBe("building");
  });
});
