// The resources that an environment keeps: stored with its first build, chosen with it, changed on its page.
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { goTo, openEnvironments } from "../testing/open-environments";
import { openPage, theButton } from "../testing/open-page";
import { page } from "../testing/samples";
import type { Environment } from "../lib/api-types";

afterEach(() => {
  window.history.replaceState(null, "", window.location.pathname); // no step back or forward, which the page would heed
});

const LARGE = { profile: "large", zone: "west" };

/** A hub whose first environment keeps these. */
function keeping(resources: Record<string, string>): FakeHub {
  const hub = new FakeHub();
  hub.environments = hub.environments.map((one, at) => (at === 0 ? { ...one, resources } : one));
  return hub;
}

const chosen = (name: string) => (screen.getByRole("radio", { name }) as HTMLInputElement).checked;

describe("on the spawn page", () => {
  test("a build is asked for with what is chosen beside it", async () => {
    const { hub } = openPage();
    fireEvent.click(screen.getByRole("radio", { name: /^1 GB/ }));
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests).toEqual([expect.objectContaining({ spec: "lab/waves", resources: { profile: "small", memory: "g1" } })]); });
  });

  test("a service older than the page, which refuses what it does not know, builds without them", async () => {
    const { hub } = openPage();
    hub.refusal = { status: 422, error: { code: "bad_request", message: "The request is malformed: resources: Extra inputs are not permitted.", hint: "" } };
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
    fireEvent.click(theButton());
    await screen.findByRole("log");
    expect(hub.requests.map(({ spec, resources }) => [spec, typeof resources])).toEqual([["lab/waves", "object"], ["lab/waves", "undefined"]]);
  });

  test("they are chosen with the environment, said, and can be changed", async () => {
    const { posted } = openPage({}, keeping(LARGE));
    fireEvent.click(await screen.findByRole("radio", { name: /Wave tank/ }));
    expect(chosen("Large")).toBe(true);
    expect((screen.getByRole("combobox", { name: "Zone" }) as HTMLSelectElement).value).toBe("west");
    await screen.findByText("Starts with: Large, Zone: west");
    fireEvent.click(theButton());
    await waitFor(() => { expect(posted()).toMatchObject({ profile: "large", "profile-option-large--zone": "west" }); });
  });

  test("are said without the name of a choice that is the only one", async () => {
    openPage({ profiles: page.profiles.slice(0, 1) }, keeping({ profile: "small", memory: "g2" }));
    fireEvent.click(await screen.findByRole("radio", { name: /Wave tank/ }));
    await screen.findByText("Starts with: 2 GB");
  });

  test("a link to the environment brings them, what was chosen last time stays", async () => {
    openPage({ environment: "e1" }, keeping(LARGE));
    await waitFor(() => { expect(chosen("Large")).toBe(true); });
  });

  test.each([
    ["a profile that is not offered", { profile: "huge" }, "Starts with: “huge”, which is not offered to you"],
    ["a choice that is not offered", { profile: "small", memory: "g64" }, "Starts with: Small, Memory: 2 GB"],
  ])("%s is not chosen", async (_, resources, said) => {
    openPage({}, keeping(resources));
    fireEvent.click(await screen.findByRole("radio", { name: /Wave tank/ }));
    await screen.findByText(said);
    expect(chosen("Small")).toBe(true);
    expect(chosen("2 GB")).toBe(true);
  });
});

describe("on the environment's page", () => {
  const change = async (button: string) => {
    fireEvent.click(screen.getByText(/^Starts with:/));
    fireEvent.click(screen.getByRole("button", { name: button }));
  };

  test("its owner keeps others, or none", async () => {
    const hub = openEnvironments(keeping(LARGE));
    await screen.findByRole("link", { name: "Wave tank" });
    await goTo("Wave tank");
    await screen.findByText("Starts with: Large, Zone: west");
    fireEvent.click(screen.getByRole("radio", { name: /Small/ }));
    await change("Start with these");
    await screen.findByText("Starts with: Small, Memory: 2 GB");
    expect(hub.environments[0]?.resources).toEqual({ profile: "small", memory: "g2" });
    await change("Choose each time");
    await screen.findByText("Starts with: as chosen at each start");
    expect(hub.environments[0]?.resources).toEqual({});
  });

  test("others read them alone, and an older service knows of none", async () => {
    const hub = keeping(LARGE);
    const [one, two] = hub.environments as [Environment, Environment];
    const older = Object.fromEntries(Object.entries(two).filter(([name]) => name !== "resources"));
    hub.environments = [{ ...one, owner: "grace" }, older as Environment];
    openEnvironments(hub);
    await screen.findByRole("link", { name: "Wave tank" });
    await goTo("Wave tank");
    expect(screen.getByText("Starts with: Large, Zone: west").tagName).toBe("P");
    expect(screen.queryByRole("button", { name: "Start with these" })).toBeNull();
  });
});
