import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openEnvironments } from "../testing/open-environments";

test("the page for admins has everybody's, the builds under way and what is stored", async () => {
  const hub = new FakeHub();
  hub.add({ phase: "building", owner: "grace" });
  openEnvironments(hub, { admin: true });
  fireEvent.click(await screen.findByRole("button", { name: "Stop lab/waves for everybody" }));
  await screen.findByText("Nothing is being built.");
  fireEvent.click(screen.getByRole("button", { name: "Look" }));
  expect((await screen.findByRole("row", { name: /^wheels/ })).textContent).toBe("wheels3, 5 MBnothing");
  expect(screen.getByRole("row", { name: /^grace/ }).textContent).toContain("3.0 GBand 1 image");
  fireEvent.click(screen.getByLabelText("Everybody’s"));
  await waitFor(() => { expect(hub.asked.some((one) => /environments\?.*all=true/.test(one))).toBe(true); });
});

test("an admin's rules are made, changed and taken back", async () => {
  const hub = openEnvironments(new FakeHub(), { admin: true });
  const form = async (name: string) => (await screen.findByText(name)).closest("details") as HTMLElement;
  const fill = (inside: HTMLElement, label: RegExp, value: string) => fireEvent.input(within(inside).getByLabelText(label), { target: { value } });
  await screen.findByText("There are no rules: everything is allowed.");
  const made = await form("Make a rule");
  fill(made, /^Which/, "gh/bad/*");
  fill(made, /^Reason/, "mines coins");
  fill(made, /^Until/, "2026-04-01");
  fireEvent.click(within(made).getByRole("button", { name: "Make the rule" }));
  await screen.findByRole("row", { name: /gh\/bad\/\*.*forbidden mines coins.*Apr 1, 2026/ });
  fireEvent.click(screen.getByRole("button", { name: "Change the rule for gh/bad/*" }));
  const again = await form("Change the rule for gh/bad/*");
  fill(again, /^Which/, "gh/bad/coins");
  fireEvent.click(within(again).getByRole("button", { name: "Save the rule" }));
  await screen.findByRole("row", { name: /gh\/bad\/coins/ });
  expect(hub.rules.map(({ pattern, reason }) => [pattern, reason])).toEqual([["gh/bad/coins", "mines coins"]]);
  fireEvent.click(screen.getByRole("button", { name: "Take back the rule for gh/bad/coins" }));
  await screen.findByText("There are no rules: everything is allowed.");
  const bad = await form("Make a rule");
  fireEvent.change(within(bad).getByLabelText("What"), { target: { value: "network" } });
  fill(bad, /^Which/, "home");
  fireEvent.click(within(bad).getByRole("button", { name: "Make the rule" }));
  expect((await screen.findByRole("alert")).textContent).toContain("is no network");
});
