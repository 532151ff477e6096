import { describe, expect, test, vi } from "vitest";
import { inSlices, makeFeed } from "./slices";

describe("work in slices", () => {
  test("long work is broken up, and done whole", async () => {
    let done = 0;
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    inSlices(() => {
      now += 5;
      return ++done < 10;
    });
    expect(done).toBe(3); // a piece takes twelve milliseconds
    await vi.waitFor(() => {
      expect(done).toBe(10);
    });
    vi.restoreAllMocks();
  });

  test("what is stopped does no more", async () => {
    let done = 0;
    const stop = inSlices(() => ++done > 0);
    stop();
    const then = done;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(done).toBe(then);
  });

  test("a feed hands on in order, at most so much at a time, and a large item alone", async () => {
    const handed: string[][] = [];
    const feed = makeFeed<string>((items) => handed.push(items), (text) => text.length, 4);
    feed.add(["aa", "bb", "c"]);
    feed.add(["dddddddd", "e"]);
    expect(handed).toEqual([]);
    await vi.waitFor(() => {
      expect(handed.flat()).toEqual(["aa", "bb", "c", "dddddddd", "e"]);
    });
    expect(handed).toEqual([["aa", "bb"], ["c"], ["dddddddd"], ["e"]]);
  });

  test("a feed that is stopped hands on nothing", async () => {
    const handed: string[][] = [];
    const feed = makeFeed<string>((items) => handed.push(items), () => 1, 4);
    feed.add(["a"]);
    feed.stop();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(handed).toEqual([]);
  });
});
