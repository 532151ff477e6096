// Runs before each test file: a clean page for every test, and on whatever page it ends each control has a name that says
// what stands on it.
import { cleanup, configure } from "@testing-library/preact";
import { afterEach, expect } from "vitest";
import { misnamed } from "./named";

// Two busy cores are slow; a test that waits for something waits long enough.
configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  const wrong = misnamed(document.body);
  cleanup();
  document.body.replaceChildren();
  sessionStorage.clear();
  window.history.replaceState(null, "", window.location.pathname); // no step back or forward, which the page would heed
  expect(wrong, "controls that are called something else than what stands on them").toEqual([]);
});
