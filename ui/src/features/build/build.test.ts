import { describe, expect, test } from "vitest";
import type { Phase } from "../../lib/api-types";
import { plainText } from "../../lib/terminal";
import { build } from "../../testing/samples";
import { reduce, watch, type WatchEvent } from "./build";
import { unfinished } from "./recent";
import { stepStates } from "./steps";

const phase = (name: Phase): WatchEvent => ({ type: "phase", phase: name, at: "" });
const after = (first: Phase, ...events: WatchEvent[]) => events.reduce(reduce, watch(build("b1", { phase: first })));

describe("a watched build", () => {
  test("follows its events", () => {
    const state = after("queued", phase("resolving"), { type: "resolved", commit: "c" }, { type: "planned", plan: "compose", why: ["w"] }, { type: "log", text: "hi", offset: 0 });
    expect(state.build).toMatchObject({ phase: "resolving", commit: "c", plan: "compose", why: ["w"] });
    expect(plainText(state.screen)).toBe("hi");
  });

  test("forgets the progress of a step when the next begins", () => {
    const state = after("building", { type: "progress", done: 1, total: 2 });
    expect(state.progress).toEqual({ done: 1, total: 2 });
    expect(reduce(state, phase("verifying")).progress).toBeNull();
  });

  test("that has ended stays so while its events are replayed", () => {
    const ended = after("ready", phase("queued"), phase("building"));
    expect(ended.build.phase).toBe("ready");
    expect(ended.entered).toEqual(["queued", "building", "ready"]);
  });

  test("is ready only when what came of it is known", () => {
    const nearly = after("verifying", phase("ready"));
    expect(nearly.build.phase).toBe("verifying");
    const ended = reduce(nearly, { type: "end", build: build("b1", { phase: "ready", image: "an/image:1" }) });
    expect(ended.build).toMatchObject({ phase: "ready", image: "an/image:1" });
  });

  test("keeps its log at the end", () => {
    const state = after("building", { type: "log", text: "x", offset: 0 }, { type: "end", build: build("b1", { phase: "failed" }) });
    expect(state.build.phase).toBe("failed");
    expect(plainText(state.screen)).toBe("x");
  });

  test("tells a lost connection from a build that failed", () => {
    const state = after("building", { type: "connected", yes: true }, { type: "connected", yes: false });
    expect(state).toMatchObject({ connection: "lost", problem: null, build: { phase: "building" } });
  });
});

test.each<[Phase[], string]>([
  [["queued"], "now ahead ahead ahead ahead ahead ahead"],
  [["queued", "resolving", "ready"], "done done skipped skipped skipped skipped skipped"],
  [["queued", "resolving", "fetching", "planning", "building"], "done done done done skipped now ahead"],
  [["queued", "resolving", "failed"], "done stopped ahead ahead ahead ahead ahead"],
  [["building", "verifying", "pushing"], "skipped skipped skipped skipped skipped done now"],
  [["cancelled"], "ahead ahead ahead ahead ahead ahead ahead"],
])("after %j the steps are %s", (entered, states) => {
  expect(stepStates(entered).join(" ")).toBe(states);
});

test("unfinished are the running, and the interrupted that were not asked for again", () => {
  const other = { spec: { provider: "gh", repository: "lab/other", ref: "HEAD", subdir: "" } };
  const builds = [build("5", { phase: "building" }), build("4", { phase: "interrupted" }), build("3", { phase: "interrupted", ...other }), build("2", { phase: "failed" })];
  expect(unfinished(builds).map(({ id }) => id)).toEqual(["5", "3"]);
});
