import { describe, expect, test } from "vitest";
import { visible } from "./use-window";

const TALL = Array.from({ length: 500 }, () => 3800);

describe("the pages drawn", () => {
  test("of a long log, following: the last, after the height of all others", () => {
    expect(visible(TALL, 0, 400, true)).toEqual({ first: 499, end: 500, above: 499 * 3800, below: 0 });
  });

  test("in the middle: those in sight and a little more", () => {
    expect(visible(TALL, 38_000 - 100, 400, false)).toEqual({ first: 9, end: 11, above: 9 * 3800, below: 489 * 3800 });
  });

  test("at the top", () => {
    expect(visible(TALL, 0, 400, false)).toEqual({ first: 0, end: 1, above: 0, below: 499 * 3800 });
  });

  test("of a short log: all", () => {
    expect(visible([100, 20], 0, 400, false)).toEqual({ first: 0, end: 2, above: 0, below: 0 });
  });

  test("of an empty log: none", () => {
    expect(visible([], 0, 400, true)).toEqual({ first: 0, end: 0, above: 0, below: 0 });
  });

  test("what is drawn and what is not make up the whole height", () => {
    for (const top of [0, 500, 5000, 1_000_000, 1_899_600]) {
      const { first, end, above, below } = visible(TALL, top, 400, false);
      expect(above + below + (end - first) * 3800).toBe(500 * 3800);
    }
  });
});
