// Runs before each test file: a clean page for every test.
import { cleanup } from "@testing-library/preact";
import { afterEach } from "vitest";

afterEach(() => {
  cleanup();
  document.body.replaceChildren();
  sessionStorage.clear();
});
