import { describe, expect, test } from "vitest";
import { build } from "../../testing/samples";
import { fixOf, type AskedFor } from "./fixes";

const failed = (code: string, spec: Partial<AskedFor["spec"]> = {}) =>
  build("b1", { phase: "failed", error: { code, message: "m", hint: "" }, spec: { provider: "gh", repository: "lab/waves", ref: "HEAD", subdir: "", ...spec } });

describe("what puts a failed build right", () => {
  test.each([
    ["ref_not_found", { ref: "gone" }, "today", { ref: "" }, ""],
    ["ref_not_found", {}, "today", {}, "repository"],
    ["repository_not_found", {}, "today", {}, "repository"],
    ["not_found", { subdir: "docs" }, "today", { subdir: "" }, ""],
    ["lock_failed", {}, "date", { asOf: "today" }, ""],
    ["lock_failed", {}, "today", { asOf: "commit" }, ""],
    ["lock_failed", { provider: "inline", repository: "numpyy" }, "today", {}, "repository"],
    ["recipe_error", {}, "today", {}, "ref"],
    ["too_large", {}, "today", {}, "subdir"],
  ] as const)("%s of %j, packages of %s: %j, field %j", (code, spec, asOf, edit, field) => {
    expect(fixOf(failed(code, spec), asOf)).toMatchObject({ edit, field });
  });

  test.each(["unreachable", "disk_full", "limit_reached", "error"])("%s is nothing that the form can put right", (code) => {
    expect(fixOf(failed(code), "today")).toBeNull();
  });
});
