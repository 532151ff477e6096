import { screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openEnvironments } from "../testing/open-environments";

test("where a user has one server, it stands in the way of the other environments, and that is said", async () => {
  const hub = new FakeHub();
  const user_options = { "image--unlisted-choice": hub.environments[0]?.image ?? "" };
  hub.servers = { "": { name: "", ready: true, pending: null, url: "/user/ada/", started: null, user_options } };
  openEnvironments(hub);
  expect((await screen.findByRole("link", { name: "Open Wave tank" })).getAttribute("href")).toBe("/user/ada/");
  await screen.findByText("Starts once your server has stopped");
  expect(screen.queryByRole("link", { name: /^Start/ })).toBeNull();
});
