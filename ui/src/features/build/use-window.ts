// Which pages of a long log are drawn: those in sight and a little more; the others are empty space of their height.
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import type { Page, Terminal } from "../../lib/terminal";

/** Pixels drawn above and below what is in sight. */
const MARGIN = 800;
/** Pixels of a line until one has been measured. */
const LINE = 19;

export interface Drawn {
  first: number;
  /** One past the last. */
  end: number;
  /** Pixels of the pages before and after. */
  above: number;
  below: number;
}

/** The box that scrolls, which pages to draw in it (as `data-page` with their number), and where a line is. */
export function useWindow({ pages, first }: Terminal, following: boolean) {
  const box = useRef<HTMLPreElement>(null);
  const heights = useHeights(box);
  const anchor = useRef<Anchor | null>(null);
  const [, again] = useReducer((count: number) => count + 1, 0);
  const drawn = () => {
    const all = pages.map(heights.of);
    const top = (anchor.current && placeOf(anchor.current, all, first)) ?? box.current?.scrollTop ?? 0;
    return visible(all, top, box.current?.clientHeight ?? 0, following);
  };
  const now = drawn();

  useLayoutEffect(() => {
    const it = box.current;
    if (!it) return;
    heights.measure(it, (number) => pages[number - first]);
    // What is in sight stays where it is, whatever comes or grows before it.
    if (following) it.scrollTop = it.scrollHeight;
    else if (anchor.current) it.scrollTop += moved(it, anchor.current);
    anchor.current = anchorIn(it);
  });
  return {
    ...{ box, drawn: now },
    /** After scrolling: draws other pages, if others are in sight. */
    scrolled: () => {
      anchor.current = box.current && anchorIn(box.current);
      const next = drawn();
      if (next.first !== now.first || next.end !== now.end) again(undefined);
    },
    /** Pixels from the top to a line, about. */
    topOf: (page: Page, line: number) => {
      const before = pages.slice(0, pages.indexOf(page)).reduce((sum, one) => sum + heights.of(one), 0);
      return before + (heights.of(page) * line) / Math.max(1, page.length);
    },
  };
}

interface Anchor {
  page: string;
  /** Pixels from the box's top to the page's. */
  top: number;
}

const drawnPages = (box: Element) => [...box.querySelectorAll<HTMLElement>("[data-page]")];

const topIn = (box: Element, page: Element) => page.getBoundingClientRect().top - box.getBoundingClientRect().top;

/** The first page in sight; none right after scrolling far. */
function anchorIn(box: Element): Anchor | null {
  const page = drawnPages(box).find((one) => topIn(box, one) + one.offsetHeight > 0 && topIn(box, one) < box.clientHeight);
  return page ? { page: page.dataset["page"] ?? "", top: topIn(box, page) } : null;
}

/** How far to scroll so that a page is where it was. */
function placeOf(anchor: Anchor, heights: readonly number[], first: number): number | null {
  const index = Number(anchor.page) - first;
  if (index < 0 || index >= heights.length) return null;
  return heights.slice(0, index).reduce((sum, one) => sum + one, 0) - anchor.top;
}

function moved(box: Element, anchor: Anchor): number {
  const page = drawnPages(box).find((one) => one.dataset["page"] === anchor.page);
  return page ? topIn(box, page) - anchor.top : 0;
}

/** How tall pages are: as measured, or else as their number of lines makes likely. */
function useHeights(box: { current: Element | null }) {
  const known = useRef(new WeakMap<Page, number>());
  const sum = useRef({ pixels: LINE, lines: 1 });
  useEffect(() => {
    if (!box.current || !("ResizeObserver" in window)) return;
    let width = box.current.clientWidth;
    const observer = new ResizeObserver(() => {
      // Lines wrap elsewhere now.
      if (box.current?.clientWidth !== width) known.current = new WeakMap();
      width = box.current?.clientWidth ?? 0;
    });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return {
    of: (page: Page): number => known.current.get(page) ?? (page.length * sum.current.pixels) / sum.current.lines,
    measure: (from: Element, pageOf: (number: number) => Page | undefined) => {
      for (const element of drawnPages(from)) {
        const page = pageOf(Number(element.dataset["page"]));
        if (!page || !element.offsetHeight || known.current.has(page)) continue;
        known.current.set(page, element.offsetHeight);
        sum.current.pixels += element.offsetHeight;
        sum.current.lines += page.length;
      }
    },
  };
}

export function visible(heights: readonly number[], top: number, tall: number, following: boolean): Drawn {
  const all = heights.reduce((sum, one) => sum + one, 0);
  const from = (following ? all - tall : top) - MARGIN;
  const to = (following ? all : top + tall) + MARGIN;
  const drawn = { first: heights.length, end: heights.length, above: all, below: 0 };
  let sum = 0;
  for (const [index, one] of heights.entries()) {
    if (sum + one > from && drawn.first === heights.length) Object.assign(drawn, { first: index, above: sum });
    if (sum >= to) {
      Object.assign(drawn, { end: index, below: all - sum });
      break;
    }
    sum += one;
  }
  return drawn;
}
