// The log as text: only what is in sight is drawn. It keeps to the newest line until the reader scrolls up.
import type { ComponentChild } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { Said } from "../../components/said";
import { t, tn } from "../../lib/language";
import { spans, type Line, type Page, type Span, type Terminal } from "../../lib/terminal";
import { memo } from "./memo";
import type { Earlier } from "./use-earlier";
import type { Hit, Search } from "./use-search";
import { useWindow } from "./use-window";

/** Pixels from the end that still count as being at the end. */
const NEAR = 24;

/** Pixels from the beginning at which the lines before it are brought. */
const SOON = 400;

interface Props {
  screen: Terminal;
  earlier: Earlier;
  search: Search;
}

export function LogView({ screen, earlier, search }: Props) {
  const [following, setFollowing] = useState(true);
  const { box, drawn, scrolled, topOf } = useWindow(screen, following);
  const shown = search.hits[search.at];
  useGoing(box, shown, topOf, () => {
    setFollowing(false);
    scrolled();
  });
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
        onScroll={({ currentTarget: it }) => {
          setFollowing(it.scrollHeight - it.scrollTop - it.clientHeight <= NEAR);
          scrolled();
          if (it.scrollTop < SOON && earlier.brings && !earlier.problem) earlier.more();
        }}
      >
        <div style={{ height: drawn.above }} />
        {screen.pages.slice(drawn.first, drawn.end).map((page, index) => {
          const number = screen.first + drawn.first + index;
          return <LogPage key={number} number={number} lines={page} found={search.inPage(page)} shown={shown?.page === page ? shown.line : -1} />;
        })}
        <div style={{ height: drawn.below }} />
        <Spans line={spans(screen.open)} />
      </pre>
      {!following && (
        <div class="hk-log-jump">
          <Button onClick={jump}>{t("Jump to newest")}</Button>
        </div>
      )}
    </div>
  );
}

/** Scrolls to the line that was found; where it is, is a guess until it is drawn. */
function useGoing(box: { current: Element | null }, shown: Hit | undefined, topOf: (page: Page, line: number) => number, scrolled: () => void): void {
  const going = useRef(false);
  useLayoutEffect(() => {
    going.current = Boolean(shown);
  }, [shown?.page, shown?.line]);
  useLayoutEffect(() => {
    if (!going.current || !shown || !box.current) return;
    const mark = box.current.querySelector(".hk-found-now");
    const middle = box.current.clientHeight / 2;
    if (mark) box.current.scrollTop += mark.getBoundingClientRect().top - box.current.getBoundingClientRect().top - middle;
    else box.current.scrollTop = topOf(shown.page, shown.line) - middle;
    going.current = !mark;
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
  lines: Page;
  /** Lines that the search found. */
  found: readonly number[];
  /** The one of them that is gone to, -1 for none. */
  shown: number;
}

const LogPage = memo(({ number, lines, found, shown }: PageProps) => {
  const hits = new Set(found);
  const parts: ComponentChild[] = [];
  let plain: Span[] = [];
  const flush = () => {
    parts.push(<Spans key={parts.length} line={merged(plain)} />);
    plain = [];
  };
  lines.forEach((line, index) => {
    if (!hits.has(index)) plain.push(...line, END);
    else {
      flush();
      parts.push(
        <mark key={parts.length} class={index === shown ? "hk-found hk-found-now" : "hk-found"}>
          <Spans line={[...line, END]} />
        </mark>,
      );
    }
  });
  flush();
  return <div data-page={number}>{parts}</div>;
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
