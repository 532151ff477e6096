import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { difference } from "../features/manage/difference";
import { nameBeside, type Server } from "../features/manage/servers";
import { FakeHub } from "../testing/fake-hub";
import { page as samplePage } from "../testing/samples";
import { EnvironmentsApp } from "./environments-app";

const open = (hub = new FakeHub(), more = {}) => {
  const ports = { fetch: hub.fetch, now: () => Date.parse("2026-03-03T10:00:00Z"), wait: () => Promise.resolve(), go: () => undefined };
  render(<EnvironmentsApp page={{ ...samplePage, ...more }} ports={ports} />);
  return hub;
};

const go = async (name: string) => {
  const link = await screen.findByRole("link", { name });
  window.location.hash = link.getAttribute("href") ?? "";
  await screen.findByRole("heading", { name, level: 1 });
};

beforeEach(() => {
  window.location.hash = "";
});
afterEach(() => {
  window.location.hash = "";
});

describe("the list", () => {
  test("shows what the user may start, whose it is, and the way to start it", async () => {
    open();
    expect((await screen.findByRole("link", { name: "Start Wave tank" })).getAttribute("href")).toBe("/hub/spawn#environment=e1");
    expect(screen.getByRole("row", { name: /lab\/course.*everybody, grace’s/ })).toBeTruthy();
    expect(screen.queryByLabelText("Everybody’s")).toBeNull();
  });

  test("of five thousand draws fifty, and asks for the words typed", async () => {
    const hub = new FakeHub();
    const [one] = hub.environments;
    hub.environments = Array.from({ length: 5000 }, (_, at) => ({ ...one, id: `m${String(at)}`, name: `made ${String(at)}`, owner: "ada" })) as typeof hub.environments;
    open(hub);
    expect((await screen.findAllByRole("row")).length).toBe(51);
    fireEvent.click(screen.getByRole("button", { name: "Next" }));
    await screen.findByText("51–100 of 5,000");
    fireEvent.input(screen.getByRole("searchbox", { name: "Find environments" }), { target: { value: "4999" } });
    await screen.findByText("1–1 of 1");
  });

  test("for admins has everybody's, the builds under way and what is stored", async () => {
    const hub = new FakeHub();
    hub.add({ phase: "building", owner: "grace" });
    open(hub, { admin: true });
    fireEvent.click(await screen.findByRole("button", { name: "Stop lab/waves for everybody" }));
    await screen.findByText("Nothing is being built.");
    fireEvent.click(screen.getByRole("button", { name: "Look" }));
    expect((await screen.findByRole("row", { name: /^wheels/ })).textContent).toBe("wheels3, 5 MBnothing");
    fireEvent.click(screen.getByLabelText("Everybody’s"));
    await waitFor(() => { expect(hub.asked.some((one) => /environments\?.*all=true/.test(one))).toBe(true); });
  });
});

describe("one environment", () => {
  test("is shared, pinned and renamed", async () => {
    const hub = open();
    await go("Wave tank");
    fireEvent.change(screen.getByLabelText("Who may use it"), { target: { value: "public" } });
    await waitFor(() => { expect(hub.environments[0]?.visibility).toBe("public"); });
    fireEvent.change(screen.getByLabelText("Who may use it"), { target: { value: "group:lab" } });
    await waitFor(() => { expect(hub.environments[0]).toMatchObject({ visibility: "group", group: "lab" }); });
    fireEvent.click(screen.getByLabelText(/^Pinned/));
    await waitFor(() => { expect(hub.environments[0]?.pinned).toBe(true); });
    fireEvent.input(screen.getByLabelText("Name"), { target: { value: "Basin" } });
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByRole("heading", { name: "Basin" });
  });

  test("of somebody else can be started and looked into, and nothing more", async () => {
    open();
    await go("lab/course");
    expect(screen.getByRole("link", { name: "Start" })).toBeTruthy();
    expect(screen.queryByLabelText("Who may use it")).toBeNull();
    expect(screen.queryByText("Delete")).toBeNull();
  });

  test("goes back to an earlier version, whose packages are compared", async () => {
    const hub = open();
    await go("Wave tank");
    fireEvent.click(await screen.findByRole("button", { name: /^Compare with/ }));
    expect((await screen.findByRole("row", { name: /numpy/ })).textContent).toBe("numpy1.02.0");
    fireEvent.click(screen.getByRole("button", { name: /^Roll back/ }));
    await waitFor(() => { expect(hub.environments[0]?.image).toBe("old"); });
  });

  test("is updated: the build is shown in its place", async () => {
    const hub = open();
    await go("Wave tank");
    fireEvent.click(screen.getByRole("button", { name: "Update to the newest commit" }));
    await screen.findByRole("log");
    expect(hub.asked).toContain("POST /services/binder/api/environments/e1/builds");
  });

  test("is taken elsewhere, and deleted", async () => {
    const hub = open();
    await go("Wave tank");
    fireEvent.click(screen.getByRole("button", { name: "Show" }));
    await screen.findByText("lock of e1");
    fireEvent.click(screen.getByRole("button", { name: "Delete it" }));
    await waitFor(() => { expect(hub.environments.map(({ id }) => id)).toEqual(["e2"]); });
  });

  test("that is not there is said", async () => {
    window.location.hash = "#nobodys";
    open();
    expect((await screen.findByRole("alert")).textContent).toContain("no such environment");
  });

  test("nothing is wrong for those who do not see it", async () => {
    open();
    await go("Wave tank");
    await screen.findByText(/packages for Python/);
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

describe("servers", () => {
  const server = (name: string, image: string) => ({ name, ready: true, pending: null, url: `/user/ada/${name}`, started: "2026-03-03T09:00:00Z", user_options: { image } });

  test("that run are opened and stopped here, and the next environment starts beside them", async () => {
    const hub = new FakeHub();
    hub.servers = { "": server("", "elsewhere:1"), waves: server("waves", hub.environments[0]?.image ?? "") };
    open(hub, { namedServers: true });
    expect(await screen.findByRole("heading", { name: "Your servers" })).toBeTruthy();
    const href = async (name: string) => (await screen.findByRole("link", { name })).getAttribute("href");
    expect(await href("Open Wave tank")).toBe("/user/ada/waves");
    expect(await href("Start lab/course beside")).toBe("/hub/spawn/ada/lab-course#environment=e2");
    fireEvent.click(screen.getByRole("button", { name: "Stop waves" }));
    expect(await href("Start Wave tank beside")).toBe("/hub/spawn/ada/wave-tank#environment=e1");
    fireEvent.click(screen.getByRole("button", { name: "Stop the default server" }));
    expect(await href("Start Wave tank")).toBe("/hub/spawn#environment=e1");
    expect(screen.queryByRole("heading", { name: "Your servers" })).toBeNull();
  });

  test.each([
    ["Größe & Meer", [], "gro-e-meer"],
    ["!!!", ["server"], "server-2"],
    ["x".repeat(99), [], "x".repeat(24)],
  ])("beside get names that the hub takes: %j among %j is %j", (title, taken, name) => {
    expect(nameBeside(title, taken.map((one) => server(one, "") as unknown as Server))).toBe(name);
  });
});
