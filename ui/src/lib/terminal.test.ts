import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BLANK, lineCount, plainText, spans, write, writeBefore, type Terminal } from "./terminal";

const after = (...pieces: string[]): Terminal => pieces.reduce(write, BLANK);
const shown = (...pieces: string[]) => plainText(after(...pieces));
const open = (...pieces: string[]) => spans(after(...pieces).open);

describe("a terminal", () => {
  test.each([
    ["plain text", ["a\nb"], "a\nb"],
    ["a carriage return writes over the line", ["10 %\r20 %"], "20 %"],
    ["what a shorter line leaves stays", ["abcd\rxy"], "xycd"],
    ["erasing to the end of the line", ["abcd\rxy\x1b[K"], "xy"],
    ["erasing the whole line", ["abcd\x1b[2K\rx"], "x"],
    ["Windows line ends", ["a\r\nb\r\n"], "a\nb\n"],
    ["a line end cut in two", ["a\r", "\nb"], "a\nb"],
    ["a backspace", ["ab\bc"], "ac"],
    ["moving to a column", ["abc\x1b[2Gx"], "axc"],
    ["other escapes are left out", ["\x1b[?25la\x1b[1Ab\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x1b(Be\x1b7f"], "abcdef"],
    ["an escape cut in two", ["a\x1b", "[3", "1mb"], "ab"],
    ["a title cut in two", ["a\x1b]0;ti", "tle\x07b"], "ab"],
    ["control characters", ["a\x00\x07b"], "ab"],
    ["characters outside the basic plane", ["🧪🧪\r☂"], "☂🧪"],
  ])("%s", (_, pieces, expected) => {
    expect(shown(...pieces)).toBe(expected);
  });

  test("colours and weights become classes, and a reset ends them", () => {
    expect(open("\x1b[1;31mbad\x1b[0m ok \x1b[42mgood\x1b[49m")).toEqual([
      { text: "bad", look: "hk-f1 hk-bold" },
      { text: " ok ", look: "" },
      { text: "good", look: "hk-b2" },
    ]);
  });

  test("an empty code is a reset", () => {
    expect(open("\x1b[31ma\x1b[mb").map(({ look }) => look)).toEqual(["hk-f1", ""]);
  });

  test("a colour lasts over pieces and lines", () => {
    const screen = after("\x1b[36ma", "b\nc");
    expect(screen.pages[0]?.[0]).toEqual([{ text: "ab", look: "hk-f6" }]);
    expect(spans(screen.open)).toEqual([{ text: "c", look: "hk-f6" }]);
  });

  test("256 and true colours become the nearest of the sixteen", () => {
    const looks = open("\x1b[38;5;9ma\x1b[m\x1b[38;5;196mb\x1b[38;2;0;0;250mc\x1b[38;5;244md\x1b[48;5;2;1me").map(({ look }) => look);
    expect(looks).toEqual(["hk-f9", "hk-f12", "hk-f8", "hk-f8 hk-b2 hk-bold"]);
  });

  test("nothing of the text becomes markup", () => {
    expect(open("<b>&")).toEqual([{ text: "<b>&", look: "" }]);
  });

  test("pages that are full are never made again, and the oldest are dropped", () => {
    const before = after("x\n".repeat(450));
    const then = write(before, "y\n");
    expect(before.pages.map((page) => page.length)).toEqual([200, 200, 50]);
    expect(then.pages[0]).toBe(before.pages[0]);
    const full = write(then, "z\n".repeat(500_000));
    expect([full.pages.length, full.dropped, full.dropped + lineCount(full.pages)]).toEqual([2500, 600, 500_451]);
  });

  test("how the text is cut into pieces makes no difference", () => {
    const text = fc.array(fc.constantFrom("a", "🧪", "\t", "\n", "\n", "\r", "\r\n", "\b", "\x1b[31m", "\x1b[m", "\x1b[K", "\x07", "wörd ")).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (all) => {
        const whole = after(all);
        const single = after(...all);
        expect(single.pages.flat()).toEqual(whole.pages.flat());
        expect(spans(single.open)).toEqual(spans(whole.open));
      }),
    );
  });

  test("earlier lines go in front, unless later ones were dropped for room", () => {
    const screen = writeBefore(after("c\nd"), "a\nb\n");
    expect(plainText(screen)).toBe("a\nb\nc\nd");
    const full = after("z\n".repeat(500_000));
    expect(writeBefore(full, "a\n")).toBe(full);
  });

  test("a line without end is cut", () => {
    expect(after("x".repeat(100_000)).open).toHaveLength(4000);
  });
});
