// The log as text: only what is in sight is drawn. It keeps to the newest line until the reader scrolls up.
import type { ComponentChild } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { Said } from "../../components/said";
import { t, tn } from "../../lib/language";
import { spans, type Line, type Page, type Span, type Terminal } from "../../lib/terminal";
import { memo } from "./memo";
import type { Earlier } from "./use-earlier";
import { placeOf, type Lines, type Range } from "./use-lines";
import type { Hit, Search } from "./use-search";
import { useWindow } from "./use-window";

/** Pixels from the end that still count as being at the end. */
const NEAR = 24;

/** Pixels from the beginning at which the lines before it are brought. */
const SOON = 400;

/** What programs write is English, whatever the page's language. */
const PROGRAMS = "en";

interface Props {
  screen: Terminal;
  earlier: Earlier;
  search: Search;
  lines: Lines;
  /** Of each page's first line, where they are known. */
  numbers: readonly number[] | null;
}

export function LogView({ screen, earlier, search, lines, numbers }: Props) {
  const [following, setFollowing] = useState(true);
  const { box, drawn, scrolled, topOf } = useWindow(screen, following);
  const shown = search.hits[search.at];
  const away = () => {
    setFollowing(false);
    scrolled();
  };
  const linked = lines.range && numbers ? placeOf(lines.range.first, screen.pages, numbers) : undefined;
  useGoing(box, ".hk-linked", linked, linked && lines.range ? String(lines.range.first) : "", topOf, away);
  useGoing(box, ".hk-found-now", shown, shown ? `${String(screen.first + screen.pages.indexOf(shown.page))} ${String(shown.line)}` : "", topOf, away);
  const jump = () => {
    setFollowing(true);
    box.current?.focus();
  };
  return (
    <div class="hk-log">
      {earlier.lines > 0 && <EarlierRow earlier={earlier} />}
      <pre
        ref={box}
        role="log"
        aria-live="off"
        aria-label={t("Build log")}
        tabIndex={0}
        onClick={(event) => {
          const line = lineAt(event.target);
          if (line) lines.link(line, event.shiftKey);
        }}
        onScroll={({ currentTarget: it }) => {
          setFollowing(it.scrollHeight - it.scrollTop - it.clientHeight <= NEAR);
          scrolled();
          if (it.scrollTop < SOON && earlier.brings && !earlier.problem) earlier.more();
        }}
      >
        <div style={{ height: drawn.above }} />
        {screen.pages.slice(drawn.first, drawn.end).map((page, index) => {
          const number = screen.first + drawn.first + index;
          const from = numbers?.[drawn.first + index] ?? 0;
          const named = from && lines.range && lines.range.last >= from && lines.range.first < from + page.length ? lines.range : null;
          return <LogPage key={number} {...{ number, from, named }} lines={page} found={search.inPage(page)} shown={shown?.page === page ? shown.line : -1} />;
        })}
        <div style={{ height: drawn.below }} />
        <span lang={PROGRAMS} class={numbers ? "hk-open" : undefined}>
          <Spans line={spans(screen.open)} />
        </span>
      </pre>
      {!following && (
        <div class="hk-log-jump">
          <Button onClick={jump}>{t("Jump to newest")}</Button>
        </div>
      )}
    </div>
  );
}

/** The number of the line whose number was pressed, 0 for none. */
function lineAt(target: EventTarget | null): number {
  if (!(target instanceof HTMLElement) || target.className !== "hk-number") return 0;
  const page = target.closest<HTMLElement>("[data-from]");
  return page ? Number(page.dataset["from"]) + [...page.querySelectorAll(".hk-number")].indexOf(target) : 0;
}

/** Scrolls to a line when `key` becomes another; where it is, is a guess until it is drawn, as `mark`. */
function useGoing(
  box: { current: Element | null },
  mark: string,
  shown: Hit | undefined,
  key: string,
  topOf: (page: Page, line: number) => number,
  scrolled: () => void,
): void {
  const going = useRef(false);
  useLayoutEffect(() => {
    going.current = Boolean(key);
  }, [key]);
  useLayoutEffect(() => {
    if (!going.current || !shown || !box.current) return;
    const drawn = box.current.querySelector(mark);
    const middle = box.current.clientHeight / 2;
    if (drawn) box.current.scrollTop += drawn.getBoundingClientRect().top - box.current.getBoundingClientRect().top - middle;
    else box.current.scrollTop = topOf(shown.page, shown.line) - middle;
    going.current = !drawn;
    scrolled();
  });
}

function EarlierRow({ earlier }: { earlier: Earlier }) {
  return (
    <div class="hk-log-earlier">
      <span>
        {earlier.brings
          ? tn(earlier.lines, "About {n} earlier line", "About {n} earlier lines")
          : tn(earlier.lines, "{n} earlier line is in the download only", "{n} earlier lines are in the download only")}
        {earlier.problem && (
          <>
            {": "}
            <Said text={earlier.problem.message} own={earlier.problem.own} />
          </>
        )}
      </span>
      {earlier.brings && (
        <Button weight="quiet" onClick={earlier.more} disabled={earlier.busy}>
          {earlier.busy ? t("Reading…") : t("Show more of them")}
        </Button>
      )}
    </div>
  );
}

interface PageProps {
  number: number;
  /** The number of its first line, 0 where that is not known. */
  from: number;
  lines: Page;
  /** Lines that the address names, some of them here. */
  named: Range | null;
  /** Lines that the search found. */
  found: readonly number[];
  /** The one of them that is gone to, -1 for none. */
  shown: number;
}

const LogPage = memo(({ number, from, lines, named, found, shown }: PageProps) => {
  const hits = new Set(found);
  const isNamed = (index: number) => named && from + index >= named.first && from + index <= named.last;
  const parts: ComponentChild[] = [];
  let plain: Span[] = [];
  const flush = () => {
    parts.push(<Spans key={parts.length} line={merged(plain)} />);
    plain = [];
  };
  lines.forEach((line, index) => {
    if (from) {
      flush();
      parts.push(<span key={parts.length} class="hk-number" />);
    }
    if (!hits.has(index) && !isNamed(index)) plain.push(...line, END);
    else {
      flush();
      const found = index === shown ? "hk-found hk-found-now" : "hk-found";
      parts.push(
        <mark key={parts.length} class={hits.has(index) ? found : "hk-linked"}>
          <Spans line={[...line, END]} />
        </mark>,
      );
    }
  });
  flush();
  return (
    <div lang={PROGRAMS} data-page={number} data-from={from || undefined} class={from ? "hk-numbered" : undefined} style={from ? { counterReset: `line ${String(from - 1)}` } : undefined}>
      {parts}
    </div>
  );
});

const END: Span = { text: "\n", look: "" };

/** Neighbours that look the same as one: far fewer nodes. */
function merged(line: Line): Line {
  const all: Span[] = [];
  for (const span of line) {
    const last = all.at(-1);
    if (last?.look === span.look) all[all.length - 1] = { text: last.text + span.text, look: last.look };
    else all.push(span);
  }
  return all;
}

const Spans = ({ line }: { line: Line }) => (
  <>
    {line.map((span, index) =>
      span.look ? (
        <span key={index} class={span.look}>
          {span.text}
        </span>
      ) : (
        span.text
      ),
    )}
  </>
);
