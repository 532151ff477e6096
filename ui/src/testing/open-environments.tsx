// The page of environments on a played hub, and the way to one of them.
import { render, screen } from "@testing-library/preact";
import { EnvironmentsApp } from "../app/environments-app";
import { FakeHub } from "./fake-hub";
import { page as samplePage } from "./samples";

export const openEnvironments = (hub = new FakeHub(), more = {}) => {
  const ports = { fetch: hub.fetch, now: () => Date.parse("2026-03-03T10:00:00Z"), wait: () => Promise.resolve(), go: () => undefined };
  render(<EnvironmentsApp page={{ ...samplePage, ...more }} ports={ports} />);
  return hub;
};

export const goTo = async (name: string) => {
  const link = await screen.findByRole("link", { name });
  window.location.hash = link.getAttribute("href") ?? "";
  await screen.findByRole("heading", { name, level: 1 });
};
