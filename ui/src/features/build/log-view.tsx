// The log as text. It keeps to the newest line until the reader scrolls up.
import { memo } from "./memo";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { spans, type Line, type Terminal } from "../../lib/terminal";

/** Pixels from the end that still count as being at the end. */
const NEAR = 24;

export function LogView({ screen }: { screen: Terminal }) {
  const box = useRef<HTMLPreElement>(null);
  const [following, setFollowing] = useState(true);
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (following) toEnd();
  }, [screen, following]);
  const jump = () => {
    setFollowing(true);
    toEnd();
    box.current?.focus();
  };
  return (
    <div class="hk-log">
      <pre
        ref={box}
        role="log"
        aria-live="off"
        aria-label="Build log"
        tabIndex={0}
        onScroll={({ currentTarget: it }) => {
          setFollowing(it.scrollHeight - it.scrollTop - it.clientHeight <= NEAR);
        }}
      >
        {screen.pages.map((page, index) => (
          <LogPage key={index} lines={page} />
        ))}
        <LogLine line={spans(screen.open)} />
      </pre>
      {!following && (
        <div class="hk-log-jump">
          <Button onClick={jump}>Jump to newest</Button>
        </div>
      )}
    </div>
  );
}

const LogPage = memo(({ lines }: { lines: readonly Line[] }) => (
  <>
    {lines.map((line, index) => (
      <LogLine key={index} line={line} end />
    ))}
  </>
));

function LogLine({ line, end = false }: { line: Line; end?: boolean }) {
  return (
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
      {end && "\n"}
    </>
  );
}
