import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { expect, test } from "vitest";
import { later } from "./later";

const Part = ({ name }: { name: string }) => <h2>{name}</h2>;

/** A part whose script arrives when each of `arrivals` says so. */
function part(...arrivals: Promise<unknown>[]) {
  let asked = 0;
  const Later = later(async () => {
    await arrivals[asked++];
    return Part;
  }, () => "Finding it…");
  return { Later, asked: () => asked };
}

test("what comes later is waited for with a word, and shown when it is there", async () => {
  const { Later } = part(Promise.resolve());
  render(<Later name="the build" />);
  expect(screen.getByText("Finding it…")).toBeTruthy();
  await screen.findByRole("heading", { name: "the build" });
  expect(screen.queryByText("Finding it…")).toBeNull();
});

test("what was brought before is shown at once, and brought once", async () => {
  const { Later, asked } = part(Promise.resolve());
  Later.soon();
  await Promise.resolve();
  render(<Later name="one" />);
  await screen.findByRole("heading", { name: "one" });
  render(<Later name="two" />);
  expect(screen.getByRole("heading", { name: "two" })).toBeTruthy();
  expect(asked()).toBe(1);
});

test("what does not arrive is said, with the focus on it, and can be tried again", async () => {
  const { Later } = part(Promise.reject(new Error("no network")), Promise.resolve());
  Later.soon(); // for which nobody has asked: nothing is said
  await Promise.resolve();
  const { Later: Gone } = part(Promise.reject(new Error("no network")), Promise.resolve());
  render(<Gone name="the build" />);
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("A part of this page did not arrive.");
  await waitFor(() => { expect(document.activeElement).toBe(alert); });
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("heading", { name: "the build" });
});
