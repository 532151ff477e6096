import { fireEvent, screen } from "@testing-library/preact";
import axe from "axe-core";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openPage } from "../testing/open-page";
import { engine, hostile, page } from "../testing/samples";

/** What axe says against the page; colours need a real browser, see fake/look.py. */
async function violations(): Promise<string[]> {
  const { violations: found } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false }, region: { enabled: false }, "page-has-heading-one": { enabled: false } } });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

test("nothing is wrong with the form", async () => {
  const hub = new FakeHub();
  hub.engine = { ...engine, typed_images: { works: false, reason: "No engine." } };
  hub.add({ phase: "interrupted" });
  openPage({ problem: "Refused." }, hub);
  await screen.findByRole("button", { name: /^Build again: / });
  expect(await violations()).toEqual([]);
});

test("the form stands in the page's main part, which JupyterHub's page does not name", () => {
  openPage();
  expect(screen.getByRole("main").contains(screen.getByRole("button", { name: "Start" }))).toBe(true);
});

test("nothing is wrong with the repository fields and their complaints", async () => {
  openPage();
  fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
  fireEvent.click(screen.getByRole("button", { name: "Build and start" }));
  await screen.findByText(/Give a repository/);
  expect(await violations()).toEqual([]);
  fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
  await screen.findByText(/^Composed, about/);
  fireEvent.focus(screen.getByLabelText(/^Branch/));
  await screen.findByRole("combobox", { name: /^Branch/ });
  expect(await violations()).toEqual([]);
});

test("nothing is wrong with names that mean mischief, or none", async () => {
  openPage({ profiles: [...hostile, ...page.profiles] });
  expect(screen.getByRole<HTMLInputElement>("radio", { name: "h4" }).checked).toBe(true); // it has no name but its slug
  expect(screen.getAllByRole("radio", { name: "Same" })).toHaveLength(2);
  expect(screen.getByRole("radio", { name: /^<script>/ })).toBeTruthy();
  expect(document.querySelector("#hubkiln script, #hubkiln img, #hubkiln b")).toBeNull();
  expect(await violations()).toEqual([]);
});

test("nothing is wrong with a typed image and the start of a server", async () => {
  const hub = new FakeHub();
  hub.start = hub.start.slice(0, 1);
  openPage({}, hub);
  fireEvent.click(screen.getByRole("radio", { name: "Any image" }));
  fireEvent.input(screen.getByRole("textbox", { name: "Image" }), { target: { value: "org/notebook:1" } });
  await screen.findByText(/JupyterHub is in its description/);
  expect(await violations()).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: "Start" }));
  await screen.findByRole("progressbar");
  expect(await violations()).toEqual([]);
});

test("nothing is wrong with a build, running or failed", async () => {
  const hub = new FakeHub();
  const build = hub.add({ phase: "building" });
  openPage({}, hub);
  fireEvent.click(await screen.findByRole("button", { name: "Watch lab/waves" }));
  await screen.findByRole("log");
  expect(await violations()).toEqual([]);
  build.fail({ code: "build_failed", message: "It failed.", hint: "Look." }, true);
  await screen.findByRole("alert");
  expect(await violations()).toEqual([]);
});
