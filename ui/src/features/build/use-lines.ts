// Lines of the log that a link names: `#L120`, `#L120-L140`, or with the build in front for whoever else may read it.
import { useEffect, useState } from "preact/hooks";
import { t } from "../../lib/language";
import { copy } from "../../lib/save";
import type { Page, Terminal } from "../../lib/terminal";

export interface Range {
  /** Counted from 1, as editors and the downloaded log do. */
  first: number;
  last: number;
}

export interface Lines {
  range: Range | null;
  /** Copies the link to a line, or to all from the one before to it. */
  link: (line: number, toIt: boolean) => void;
  /** What came of that. */
  said: string;
}

const LINK = /^#(?:build=([\w-]+)&)?L([1-9]\d{0,8})(?:-L?([1-9]\d{0,8}))?$/;

export function linesIn(hash: string): Range | null {
  const [, , one, other] = LINK.exec(hash) ?? [];
  if (!one) return null;
  const [a, b] = [Number(one), Number(other ?? one)];
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

/** The build whose log a link leads to, or "". */
export const buildIn = (hash: string): string => LINK.exec(hash)?.[1] ?? "";

export const hashOf = (build: string, { first, last }: Range): string =>
  `#build=${build}&L${String(first)}${last > first ? `-L${String(last)}` : ""}`;

/** Those of the address, as long as the log of `build` is shown. */
export function useLines(build: string): Lines {
  const own = () => (["", build].includes(buildIn(window.location.hash)) ? linesIn(window.location.hash) : null);
  const [range, setRange] = useState(own);
  const [said, say] = useState("");
  useEffect(() => {
    const read = () => {
      setRange(own());
    };
    window.addEventListener("hashchange", read);
    return () => {
      window.removeEventListener("hashchange", read);
    };
  }, [build]);
  const link = (line: number, toIt: boolean) => {
    const from = toIt && range ? range.first : line;
    const next = { first: Math.min(from, line), last: Math.max(from, line) };
    const hash = hashOf(build, next);
    show(hash);
    setRange(next);
    void copy(window.location.origin + forAll(window.location.pathname) + hash).then((done) => {
      say(done ? t("Link copied.") : t("The link is in the browser's address bar."));
    });
  };
  return { range, link, said };
}

/** The page's address without the name of whose it is. */
const forAll = (path: string): string => path.replace(/(\/hub\/spawn)\/.*$/, "$1");

/** Takes them out of the address: the log is not shown any more. */
export function forgetLines(): void {
  if (linesIn(window.location.hash)) show("");
}

function show(hash: string): void {
  window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search + hash);
}

/** The number of each page's first line; none until the log is on the screen from its beginning. */
export function numbersOf({ pages, dropped }: Terminal, from: number | undefined): readonly number[] | null {
  if (from !== 0) return null;
  let next = dropped + 1;
  return pages.map((page) => {
    const first = next;
    next += page.length;
    return first;
  });
}

/** Where a line is: its page, and its place in it. */
export function placeOf(line: number, pages: readonly Page[], numbers: readonly number[]): { page: Page; line: number } | undefined {
  const index = numbers.findLastIndex((first) => first <= line);
  const page = pages[index];
  const place = line - (numbers[index] ?? 0);
  return page && place < page.length ? { page, line: place } : undefined;
}
