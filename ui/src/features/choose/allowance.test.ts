// What is left is said before the button is pressed.
import { describe, expect, test } from "vitest";
import type { Allowance } from "../../lib/api-types";
import { leftOf } from "./allowance-line";

const allowance = (limits: Allowance["limits"], used: Partial<Allowance["used"]> = {}): Allowance => ({
  changed: [],
  limits,
  used: { user_builds_daily: 0, user_build_time_daily: 0, user_launches_daily: 0, user_stored: null, ...used },
});

describe("what is left", () => {
  test("is nothing to say where nothing is limited", () => {
    expect(leftOf(allowance({ user_builds: 2, user_builds_daily: null }), true)).toBe("");
  });

  test("names builds, time and starts, and never less than none", () => {
    const told = allowance(
      { user_builds_daily: 50, user_build_time_daily: 7200, user_launches_daily: 3 },
      { user_builds_daily: 49, user_build_time_daily: 9000, user_launches_daily: 1 },
    );
    expect(leftOf(told, true)).toBe("Left within 24 hours: 1 build, 0 s of building, and 2 starts.");
    expect(leftOf(told, false)).toBe("Left within 24 hours: 2 starts.");
  });

  test("speaks of space where it is used up, to who would build", () => {
    const full = allowance({ user_stored: 5, user_launches_daily: 2 }, { user_stored: 6 });
    expect(leftOf(full, true)).toMatch(/^Your saved environments take all/);
    expect(leftOf(full, false)).toBe("Left within 24 hours: 2 starts.");
  });
});
