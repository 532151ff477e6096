import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { nameBeside, type Server } from "../features/manage/servers";
import { FakeHub } from "../testing/fake-hub";
import { openEnvironments } from "../testing/open-environments";

describe("servers", () => {
  const server = (name: string, image: string) => ({ name, ready: true, pending: null, url: `/user/ada/${name}`, started: "2026-03-03T09:00:00Z", user_options: { image } });

  test("that run are opened and stopped here, and the next environment starts beside them", async () => {
    const hub = new FakeHub();
    hub.servers = { "": server("", "elsewhere:1"), waves: server("waves", hub.environments[0]?.image ?? "") };
    openEnvironments(hub, { namedServers: true });
    expect(await screen.findByRole("heading", { name: "Your servers" })).toBeTruthy();
    const href = async (name: string) => (await screen.findByRole("link", { name })).getAttribute("href");
    expect(await href("Open Wave tank")).toBe("/user/ada/waves");
    expect(await href("Start beside: lab/course")).toBe("/hub/spawn/ada/lab-course#environment=e2");
    fireEvent.click(screen.getByRole("button", { name: "Stop waves" }));
    expect(await screen.findByText("Stopped: waves")).toBeTruthy();
    expect(await href("Start beside: Wave tank")).toBe("/hub/spawn/ada/wave-tank#environment=e1");
    fireEvent.click(screen.getByRole("button", { name: "Stop the default server" }));
    expect(await href("Start Wave tank")).toBe("/hub/spawn#environment=e1");
    expect(screen.queryByRole("heading", { name: "Your servers" })).toBeNull();
  });

  test("as many as the hub allows are said to be so before another is asked for, and a stopped one makes room", async () => {
    const hub = new FakeHub();
    hub.servers = { "": server("", "elsewhere:1"), "lab-course": { ...server("lab-course", ""), stopped: true, ready: false } };
    openEnvironments(hub, { namedServers: true, namedServerLimit: 1 });
    expect(await screen.findByText("You have the 1 server beside the default one that this hub allows.")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Start beside: Wave tank" })).toBeNull();
    expect(screen.getAllByText("Starts once you have removed a server")).toHaveLength(1);
    expect((await screen.findByRole("link", { name: "Start beside: lab/course" })).getAttribute("href")).toBe("/hub/spawn/ada/lab-course#environment=e2"); // its name is there
    fireEvent.click(screen.getByRole("button", { name: "Remove lab-course" }));
    expect(hub.asked.filter((asked) => asked.startsWith("DELETE"))).toEqual([]);
    await waitFor(() => { expect(document.activeElement?.textContent).toBe("Files that this hub keeps for this server alone go with it."); });
    fireEvent.click(screen.getByRole("button", { name: "Remove it" }));
    expect(await screen.findByRole("link", { name: "Start beside: Wave tank" })).toBeTruthy();
    expect(screen.getByText("Removed: lab-course")).toBeTruthy();
    expect(screen.queryByText(/that this hub allows/)).toBeNull();
  });

  test("that are stopped take no room on the page where there is room for more", async () => {
    const hub = new FakeHub();
    hub.servers = { "": server("", "elsewhere:1"), old: { ...server("old", ""), stopped: true, ready: false } };
    openEnvironments(hub, { namedServers: true, namedServerLimit: 2 });
    expect(await screen.findByRole("link", { name: "Start beside: Wave tank" })).toBeTruthy();
    expect(screen.queryByText("old")).toBeNull();
  });

  test.each([
    ["Größe & Meer", [], "gro-e-meer"],
    ["!!!", ["server"], "server-2"],
    ["x".repeat(99), [], "x".repeat(24)],
  ])("beside get names that the hub takes: %j among %j is %j", (title, taken, name) => {
    expect(nameBeside(title, taken.map((one) => server(one, "") as unknown as Server))).toBe(name);
  });
});
