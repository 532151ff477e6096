// What tests of builds do and look for, again and again.
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { expect } from "vitest";
import type { FakeBuild } from "./fake-build";
import type { FakeHub } from "./fake-hub";
import { theButton, type Opened } from "./open-page";

/** Asks for a build of lab/waves as a person does. */
export async function begin(opened: Opened): Promise<FakeBuild> {
  fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
  fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
  fireEvent.input(screen.getByRole("textbox", { name: /Path to open/ }), { target: { value: "first.ipynb" } });
  fireEvent.click(theButton());
  await screen.findByRole("heading", { name: "lab/waves" });
  return first(opened.hub);
}

/** The newest build. */
export function first(hub: FakeHub): FakeBuild {
  const [build] = hub.builds;
  if (!build) throw new Error("no build");
  return build;
}

/** The log shows exactly this. */
export const logged = (text: string) =>
  waitFor(() => {
    expect(screen.getByRole("log").textContent).toBe(text);
  });

/** Some status on the page says this. */
export const standing = (text: RegExp) =>
  waitFor(() => {
    expect(screen.getAllByRole("status").some((one) => text.test(one.textContent))).toBe(true);
  });

/** What the hub and the service were asked to do, beyond telling something. */
export const changesIn = (hub: FakeHub): string[] => hub.asked.filter((one) => !one.startsWith("GET ") && !/\/tokens\b/.test(one));
