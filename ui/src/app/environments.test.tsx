import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import axe from "axe-core";
import { describe, expect, test } from "vitest";
import { difference } from "../features/manage/difference";
import { pauseFor } from "../features/manage/list";
import type { Environment } from "../lib/api-types";
import { FakeHub } from "../testing/fake-hub";
import { goTo, openEnvironments } from "../testing/open-environments";
import { changesIn } from "../testing/steps";

describe("the list", () => {
  test("shows what the user may start, whose it is, and the way to start it", async () => {
    openEnvironments();
    expect((await screen.findByRole("link", { name: "Start Wave tank" })).getAttribute("href")).toBe("/hub/spawn#environment=e1");
    expect(screen.getByRole("row", { name: /lab\/course.*420 MB.*31 packages.*grace.*for everybody/ })).toBeTruthy();
    expect(screen.queryByLabelText("Everybody’s")).toBeNull();
  });

  test("of five thousand draws fifty, and asks for the words typed", async () => {
    const hub = new FakeHub();
    const [one] = hub.environments;
    hub.environments = Array.from({ length: 5000 }, (_, at) => ({ ...one, id: `m${String(at)}`, name: `made ${String(at)}`, owner: "ada" })) as typeof hub.environments;
    openEnvironments(hub);
    expect((await screen.findAllByRole("row")).length).toBe(51);
    fireEvent.click(screen.getByRole("button", { name: "Next" }));
    await screen.findByText("51–100 of 5,000");
    fireEvent.input(screen.getByRole("searchbox", { name: /^Find environments/ }), { target: { value: "4999" } });
    await screen.findByText("1–1 of 1");
  });

  test("is sorted by its columns' buttons and cut by state and owner, all by the service", async () => {
    const hub = openEnvironments();
    const asked = async (words: string) => {
      await waitFor(() => { expect(hub.asked.some((one) => one.startsWith("GET /services/binder/api/environments?") && one.includes(words)), words).toBe(true); });
    };
    fireEvent.click(await screen.findByRole("button", { name: "Size" }));
    await asked("sort=-size");
    expect(screen.getByRole("columnheader", { name: "Size" }).getAttribute("aria-sort")).toBe("descending");
    fireEvent.click(screen.getByRole("button", { name: "Size" }));
    await asked("sort=size");
    fireEvent.change(screen.getByRole("combobox", { name: "Sort by" }), { target: { value: "packages" } });
    await asked("sort=-packages");
    fireEvent.change(screen.getByRole("combobox", { name: "State" }), { target: { value: "failed" } });
    await asked("state=failed");
    fireEvent.change(screen.getByRole("combobox", { name: "Whose" }), { target: { value: "others" } });
    await asked("whose=others");
  });

  test("says what is gone, failed or newer, and has the way out of each beside it", async () => {
    const hub = new FakeHub();
    const [one, two] = hub.environments;
    hub.environments = [{ ...one, state: "gone" }, { ...two, owner: "ada", state: "failed" }] as typeof hub.environments;
    hub.newer = [{ id: "e2", ref: "dev", commit: "f".repeat(40) }];
    openEnvironments(hub);
    const row = await screen.findByRole("row", { name: /lab\/course.*last build failed.*newer commit on dev/ });
    expect(screen.queryByRole("link", { name: "Start Wave tank" })).toBeNull();
    fireEvent.click(within(row).getByRole("button", { name: "Update lab/course to commit fffffff" }));
    await screen.findByRole("log");
    expect(hub.orders).toEqual([{ id: "e2", what: "update" }]);
  });

  test("that is empty, cut to nothing, or cannot be had says so, and how to go on", async () => {
    const hub = new FakeHub();
    const all = hub.environments;
    hub.environments = [];
    openEnvironments(hub);
    await screen.findByText(/^You have no environments yet/);
    fireEvent.input(screen.getByRole("searchbox", { name: /^Find environments/ }), { target: { value: "x" } });
    await screen.findByText("No environment has these words.");
    hub.environments = all;
    hub.down = true;
    fireEvent.click(screen.getByRole("button", { name: "Show all" }));
    await screen.findByRole("alert");
    hub.down = false;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("link", { name: "Start Wave tank" });
  });

  test("is looked at again while something in it is not known, and not for ever", () => {
    const { environments } = new FakeHub();
    const [one] = environments as [Environment];
    const after = (change: Partial<Environment>, looked: number) => pauseFor({ environments: [{ ...one, ...change }], total: 1 }, looked);
    expect([after({}, 0), after({ bytes: null }, 0), after({ bytes: null }, 9), after({ bytes: null, state: "gone" }, 0)]).toEqual([undefined, 1500, undefined, undefined]);
    expect(after({ state: "building" }, 9)).toBe(5000);
  });
});

describe("one environment", () => {
  test("is shared, pinned and renamed", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    fireEvent.change(screen.getByLabelText("Who may use it"), { target: { value: "group:lab" } });
    fireEvent.click(screen.getByRole("button", { name: "Save who may use it" }));
    await waitFor(() => { expect(hub.environments[0]).toMatchObject({ visibility: "group", group: "lab" }); });
    fireEvent.click(screen.getByLabelText(/^Pinned/));
    await waitFor(() => { expect(hub.environments[0]?.pinned).toBe(true); });
    fireEvent.input(screen.getByLabelText("Name"), { target: { value: "Basin" } });
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByRole("heading", { name: "Basin" });
  });

  test("shows at once that it is pinned, and of two presses quickly after one another keeps the last", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    const pinned = screen.getByLabelText<HTMLInputElement>(/^Pinned/);
    for (const checked of [true, false, true]) {
      fireEvent.click(pinned);
      await Promise.resolve();
      expect(pinned.checked).toBe(checked);
    }
    await screen.findByText("Pinned.");
    await waitFor(() => { expect([changesIn(hub).length, hub.environments[0]?.pinned]).toEqual([3, true]); });
    expect(pinned.checked).toBe(true);
  });

  test("shows what it was when a choice cannot be saved", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    hub.login = null;
    fireEvent.click(screen.getByLabelText(/^Pinned/));
    await screen.findByText("You are not logged in any more.");
    expect(screen.getByLabelText(/^Pinned/)).toHaveProperty("checked", false);
  });

  test("of somebody else can be started and looked into, and nothing more", async () => {
    openEnvironments();
    await goTo("lab/course");
    expect(screen.getByRole("link", { name: "Start" })).toBeTruthy();
    expect(screen.queryByLabelText("Who may use it")).toBeNull();
    expect(screen.queryByText("Delete")).toBeNull();
  });

  test("goes back to an earlier version, whose packages are compared", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    fireEvent.click(await screen.findByRole("button", { name: /^Compare with/ }));
    const row = await screen.findByRole("row", { name: /numpy/ });
    expect(row.textContent).toBe("numpy1.02.0");
    expect([...row.querySelectorAll("td")].map(({ dataset }) => dataset["title"])).toEqual(["Then", "Now"]); // on phones
    fireEvent.change(screen.getByLabelText("beside those of"), { target: { value: "old" } });
    await screen.findByText("The packages are the same.");
    fireEvent.click(screen.getByRole("button", { name: /^Roll back/ }));
    await waitFor(() => { expect(hub.environments[0]?.image).toBe("old"); });
  });

  test("is updated: the build is shown in its place", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    fireEvent.click(screen.getByRole("button", { name: "Update to the newest commit" }));
    await screen.findByRole("log");
    expect(hub.asked).toContain("POST /services/binder/api/environments/e1/builds");
  });

  test("that is built, or not there, leaves the page its one heading", async () => {
    openEnvironments();
    await goTo("Wave tank");
    fireEvent.click(screen.getByRole("button", { name: "Update to the newest commit" }));
    await screen.findByRole("log");
    expect(screen.getAllByRole("heading", { level: 1 }).map((one) => one.textContent)).toEqual(["Environments"]);
    fireEvent.click(screen.getByRole("button", { name: "Leave it running" }));
    window.location.hash = "#nothing";
    await screen.findByRole("alert");
    expect(screen.getAllByRole("heading", { level: 1 }).map((one) => one.textContent)).toEqual(["Environments"]);
  });

  test("of a list of packages has them edited in place", async () => {
    const hub = new FakeHub();
    hub.environments = hub.environments.map((one) => ({ ...one, spec: { provider: "inline", repository: "numpy>=1,<3,scipy[a,b]", ref: "HEAD", subdir: "" } }));
    openEnvironments(hub);
    await goTo("Wave tank");
    const own = screen.getByText("Edit its packages").closest("details") as HTMLElement;
    const field = within(own).getByLabelText("Packages") as HTMLTextAreaElement;
    expect(field.value).toBe("numpy>=1,<3\nscipy[a,b]");
    fireEvent.input(field, { target: { value: "numpy>=1,<3\n\npandas # for tables\n" } });
    fireEvent.click(within(own).getByRole("button", { name: "Build the new version" }));
    await screen.findByRole("log");
    expect(hub.orders).toEqual([{ id: "e1", what: "change", spec: "inline/numpy>=1,<3%0A%0Apandas%20#%20for%20tables" }]);
  });

  test("shows what it is made of again, after going back to an earlier version", async () => {
    const hub = new FakeHub();
    const inline = (repository: string) => ({ provider: "inline" as const, repository, ref: "HEAD", subdir: "" });
    hub.before = inline("humanize");
    hub.environments = hub.environments.map((one) => ({ ...one, spec: inline("humanize,tabulate") }));
    openEnvironments(hub);
    await goTo("Wave tank");
    const fields = () => screen.getAllByLabelText("Packages").filter((one) => one instanceof HTMLTextAreaElement).map(({ value }) => value);
    expect(fields()).toEqual(["humanize\ntabulate", "humanize\ntabulate"]);
    fireEvent.click(screen.getByRole("button", { name: /^Roll back/ }));
    await waitFor(() => { expect(fields()).toEqual(["humanize", "humanize"]); });
  });

  test("of somebody else is duplicated with changes, as one's own", async () => {
    const hub = openEnvironments();
    await goTo("lab/course");
    const form = screen.getByText("Duplicate with changes").closest("details") as HTMLElement;
    fireEvent.input(within(form).getByLabelText(/^Branch, tag or commit/), { target: { value: "dev" } });
    fireEvent.click(within(form).getByRole("button", { name: "Build the copy" }));
    await screen.findByRole("log");
    expect(hub.orders).toEqual([{ id: "e2-copy", what: "change", spec: "lab/course", ref: "dev", subdir: "" }]);
    expect(window.location.hash).toBe("#e2-copy");
  });

  test("is taken elsewhere, and deleted", async () => {
    const hub = openEnvironments();
    await goTo("Wave tank");
    fireEvent.click(screen.getByRole("button", { name: "Show" }));
    await screen.findByText("lock of e1");
    fireEvent.click(screen.getByRole("button", { name: "Delete it" }));
    await waitFor(() => { expect(hub.environments.map(({ id }) => id)).toEqual(["e2"]); });
  });

  test("gives the focus to a heading when what had it is gone", async () => {
    openEnvironments();
    await goTo("Wave tank");
    const back = screen.getByRole("button", { name: /^Roll back/ });
    back.focus();
    fireEvent.click(back);
    await waitFor(() => { expect(document.activeElement?.textContent).toBe("Versions"); });
    const removal = screen.getByRole("button", { name: "Delete it" });
    removal.focus();
    fireEvent.click(removal);
    await waitFor(() => { expect(document.activeElement?.textContent).toBe("Environments"); });
    expect(screen.getByText("Deleted: Wave tank").closest("[role=status]")).not.toBeNull();
  });

  test("that is not there is said", async () => {
    window.location.hash = "#nobodys";
    openEnvironments();
    expect((await screen.findByRole("alert")).textContent).toContain("no such environment");
  });

  test("nothing is wrong for those who do not see it", async () => {
    openEnvironments();
    await goTo("Wave tank");
    await screen.findByText(/packages? for Python/);
    const { violations } = await axe.run(document.body, { rules: { region: { enabled: false } } });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  });
});

test("what differs between two versions", () => {
  const of = (...packages: [string, string, boolean?][]) => ({ python: "3.11", download_bytes: null, packages: packages.map(([name, version, kernel = false]) => ({ name, version, kernel })) });
  expect(difference(of(["a", "1"], ["b", "1"], ["c", "1"]), of(["a", "1"], ["b", "2"], ["d", "1"], ["c", "1", true]))).toEqual([
    { name: "b", before: "1", after: "2" },
    { name: "c", before: "1", after: "" },
    { name: "c (kernel)", before: "", after: "1" },
    { name: "d", before: "", after: "1" },
  ]);
});
