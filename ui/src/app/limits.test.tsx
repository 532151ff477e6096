import { screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openPage } from "../testing/open-page";
import { engine } from "../testing/samples";

test("limits that the machine cannot enforce are named", async () => {
  const hub = new FakeHub();
  hub.engine = { ...engine, limits: { memory: false, cpu: false, reason: "There are no control groups." } };
  openPage({}, hub);
  expect(await screen.findByText(/Memory and CPU choices are not enforced.*no control groups/)).toBeTruthy();
});

test("limits of what runs steps alone are none of servers'", async () => {
  const hub = new FakeHub();
  const limits = { memory: true, cpu: false, reason: "Step pods have no limit of CPU." };
  hub.engine = { ...engine, engine: "kubernetes", typed_images: { works: false, reason: "None here." }, limits };
  openPage({}, hub);
  await screen.findByText(/None here/);
  expect(screen.queryByText(/not enforced/)).toBeNull();
});
