import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openEnvironments } from "../testing/open-environments";
import { schedule } from "../testing/samples";

test("the page for admins has everybody's, the builds under way and what is stored", async () => {
  const hub = new FakeHub();
  hub.add({ phase: "building", owner: "grace" });
  openEnvironments(hub, { admin: true });
  fireEvent.click(await screen.findByRole("button", { name: "Stop lab/waves for everybody" }));
  await screen.findByText("Nothing is being built.");
  await screen.findByText("Stopped: lab/waves");
  fireEvent.click(screen.getByRole("button", { name: "Look" }));
  expect((await screen.findByRole("row", { name: /^wheels/ })).textContent).toBe("wheels3 · 5 MBnothing");
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

test("schedules are added, built now, paused, let go on and removed", async () => {
  const hub = openEnvironments(new FakeHub(), { admin: true });
  await screen.findByText("Nothing is built at certain times.");
  const fill = (name: string | RegExp, value: string) => fireEvent.input(screen.getByLabelText(name), { target: { value } });
  fill("Repository", "lab/course");
  fill(/^Times/, "daily");
  fireEvent.click(screen.getByRole("button", { name: "Add the schedule" }));
  expect((await screen.findByRole("alert")).textContent).toContain("are no times");
  fill(/^Times/, "0 4 * * 1");
  fireEvent.click(screen.getByRole("button", { name: "Add the schedule" }));
  await screen.findByRole("row", { name: /^lab\/course by ada 0 4 \* \* 1 Mar 9, 2026.* never yet/ });
  fireEvent.click(screen.getByRole("button", { name: "Pause the schedule of lab/course" }));
  await screen.findByRole("row", { name: /paused never yet/ });
  expect(screen.queryByRole("button", { name: "Build now: lab/course" })).toBeNull();
  await screen.findByText("Paused: lab/course");
  const again = screen.getByRole<HTMLButtonElement>("button", { name: "Let the schedule of lab/course go on" });
  await waitFor(() => { expect(again.disabled).toBe(false); });
  fireEvent.click(again);
  const now = await screen.findByRole<HTMLButtonElement>("button", { name: "Build now: lab/course" });
  await waitFor(() => { expect(now.disabled).toBe(false); });
  fireEvent.click(now);
  await screen.findByRole("row", { name: /being built/ });
  const remove = screen.getByRole<HTMLButtonElement>("button", { name: "Remove the schedule of lab/course" });
  await waitFor(() => { expect(remove.disabled).toBe(false); });
  fireEvent.click(remove);
  await screen.findByText("Nothing is built at certain times.");
  expect(hub.schedules).toEqual([]);
});

test("a schedule tells why its last build failed, and a push that it is one", async () => {
  const hub = new FakeHub();
  const error = { code: "unreachable", message: "The index is away.", hint: "" };
  const spec = { provider: "gh", repository: "lab/pushed", ref: "main", subdir: "" };
  hub.schedules = [schedule("s1", { spec, times: "", last_phase: "failed", last_at: "2026-03-03T09:00:00Z", error })];
  openEnvironments(hub, { admin: true });
  await screen.findByRole("row", { name: /^lab\/pushed main · by ada once, after a push .* The build failed, 1 hour ago The index is away\./ });
});
