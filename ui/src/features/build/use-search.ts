// Finds text in the log, line by line, in short slices.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { inSlices } from "../../lib/slices";
import { lineText, type Page } from "../../lib/terminal";

export interface Hit {
  page: Page;
  /** The line's place in its page. */
  line: number;
}

export interface Search {
  needle: string;
  find: (needle: string) => void;
  hits: readonly Hit[];
  /** The numbers of the lines found, by page. */
  inPage: (page: Page) => readonly number[];
  /** Place in `hits` of the one that is shown, -1 for none. */
  at: number;
  /** Goes to the next (1) or the one before (-1), round the ends. */
  step: (by: 1 | -1) => void;
}

const NONE: readonly number[] = [];

export function useSearch(pages: readonly Page[]): Search {
  const [needle, setNeedle] = useState("");
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const [shown, setShown] = useState<Hit | null>(null);
  // A full page never changes, so it is searched once for each needle.
  const found = useMemo(() => new WeakMap<Page, readonly number[]>(), [needle]);
  const newest = useRef(needle);
  useEffect(() => {
    let next = 0;
    return inSlices(() => {
      const page = needle ? pages[next++] : undefined;
      if (page) {
        if (!found.has(page)) found.set(page, linesWith(page, needle.toLowerCase()));
        return true;
      }
      const all = needle ? pages.flatMap((one) => (found.get(one) ?? NONE).map((line) => ({ page: one, line }))) : [];
      setHits(all);
      const fresh = newest.current !== needle;
      newest.current = needle;
      setShown((before) => (fresh || !before ? (all.at(-1) ?? null) : before));
      return false;
    });
  }, [pages, needle]);
  const at = shown ? placeOf(shown, hits) : -1;
  return {
    ...{ needle, find: setNeedle, hits, at },
    inPage: (page) => (needle && found.get(page)) || NONE,
    step: (by) => {
      setShown(hits[(Math.max(at, 0) + by + hits.length) % hits.length] ?? null);
    },
  };
}

const linesWith = (page: Page, needle: string): number[] =>
  page.flatMap((line, index) => (lineText(line).toLowerCase().includes(needle) ? [index] : []));

/** The last page is made again when lines come; its lines keep their numbers. */
function placeOf(shown: Hit, hits: readonly Hit[]): number {
  const place = hits.findIndex(({ page, line }) => page === shown.page && line === shown.line);
  return place >= 0 ? place : hits.findLastIndex(({ line }) => line === shown.line);
}
