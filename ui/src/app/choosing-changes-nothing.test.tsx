// Arrow keys go through all that a list or a group of radio buttons has: whatever they come by is only chosen.
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { goTo, openEnvironments } from "../testing/open-environments";
import { openPage } from "../testing/open-page";
import { changesIn } from "../testing/steps";

/** Goes through every option of every list and every radio button that is on the page, or comes with another choice. */
async function goThroughAll(): Promise<number> {
  const passed = new Set<string>();
  const first = <One extends HTMLInputElement | HTMLOptionElement>(which: string, named: (one: One) => string): One | undefined =>
    [...document.querySelectorAll<One>(which)].reverse().find((one) => !one.disabled && !passed.has(named(one)) && passed.add(named(one)));
  const listOf = (option: HTMLOptionElement) => option.closest("select") as HTMLSelectElement;
  for (;;) {
    const option = first<HTMLOptionElement>("option", (one) => `${listOf(one).id || listOf(one).ariaLabel || ""}=${one.value}`);
    const radio = option ? undefined : first<HTMLInputElement>("input[type=radio]", ({ name, value }) => `${name}=${value}`);
    if (option) fireEvent.change(listOf(option), { target: { value: option.value } });
    else if (radio) fireEvent.click(radio);
    else return passed.size;
    await Promise.resolve();
  }
}

const PAGES: [string, number, (hub: FakeHub) => Promise<void>][] = [
  ["the spawn page", 8, async (hub) => {
    openPage({}, hub);
    await screen.findByRole("radio", { name: "Wave tank" });
  }],
  ["an admin's page of environments", 20, async (hub) => {
    openEnvironments(hub, { admin: true });
    await screen.findByRole("link", { name: "Wave tank" });
  }],
  ["an environment's page", 12, async (hub) => {
    openEnvironments(hub);
    await goTo("Wave tank");
    fireEvent.click(await screen.findByRole("button", { name: /^Compare with/ }));
    await screen.findByRole("row", { name: /numpy/ });
  }],
];

test.each(PAGES)("%s has nothing that is changed, started or sent by choosing alone", async (_, least, open) => {
  const hub = new FakeHub();
  await open(hub);
  expect(await goThroughAll()).toBeGreaterThanOrEqual(least);
  await new Promise((resolve) => setTimeout(resolve)); // behind whatever was begun: the played hub answers at once
  expect(changesIn(hub)).toEqual([]);
  expect(hub.posted).toBeNull();
});

test("an environment is shared with nobody on the way to who is chosen: a press saves it", async () => {
  const hub = openEnvironments();
  await goTo("Wave tank");
  const sharing = screen.getByLabelText<HTMLSelectElement>("Who may use it");
  const save = screen.getByRole("button", { name: "Save who may use it" });
  const choose = (value: string) => fireEvent.change(sharing, { target: { value } });
  expect(save.getAttribute("aria-disabled")).toBe("true");
  fireEvent.click(save);
  for (const value of ["public", "group:lab"]) choose(value); // as arrow keys do
  screen.getByText("Not saved yet.");
  expect(changesIn(hub)).toEqual([]);
  hub.login = null;
  fireEvent.click(save);
  await screen.findByText("You are not logged in any more.");
  expect([sharing.value, hub.environments[0]?.visibility]).toEqual(["group:lab", "private"]);
  hub.login = { name: "ada", xsrf: "" };
  fireEvent.click(save);
  await screen.findByText("Saved who may use it.");
  await waitFor(() => { expect(save.getAttribute("aria-disabled")).toBe("true"); });
  expect([sharing.value, hub.environments[0]?.visibility]).toEqual(["group:lab", "group"]);
  expect(screen.queryByText("Not saved yet.")).toBeNull();
});
