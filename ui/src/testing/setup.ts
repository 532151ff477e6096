// Runs before each test file: a clean page for every test.
import { cleanup, configure } from "@testing-library/preact";
import { afterEach } from "vitest";

// Two busy cores are slow; a test that waits for something waits long enough.
configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  cleanup();
  document.body.replaceChildren();
  sessionStorage.clear();
  window.history.replaceState(null, "");
});
