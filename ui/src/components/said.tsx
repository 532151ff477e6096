// What the service says: in the reader's language if that is known, names between backticks as code, no control characters.
import type { ComponentChild } from "preact";
import { useCallback, useLayoutEffect, useState } from "preact/hooks";
import type { Problem } from "../lib/api-types";
import { SERVICE_WORDS } from "../lib/language";
import { told } from "../lib/said";
import { plainWords } from "../lib/words";

interface Props {
  text: string;
  /** Whether the page itself says it, in its reader's language. */
  own?: boolean | undefined;
}

/** Draws what calls it again when the service's sentences have come in the reader's language. */
export function useServiceWords(): void {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    const come = () => {
      draw((times) => times + 1);
    };
    window.addEventListener(SERVICE_WORDS, come);
    return () => {
      window.removeEventListener(SERVICE_WORDS, come);
    };
  }, []);
}

export function Said({ text, own = false }: Props) {
  useServiceWords();
  const { text: words, foreign } = own ? { text, foreign: false } : told(plainWords(text));
  const parts = plainWords(words)
    .split(/`([^`]+)`/)
    .map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part));
  return foreign ? <span lang="en">{parts}</span> : <>{parts}</>;
}

/** What the page says itself, or what a problem says and advises. */
export const SaidOf = ({ what }: { what: string | Problem }) =>
  typeof what === "string" ? (
    <>{what}</>
  ) : (
    <>
      <Said text={what.message} own={what.own} /> {what.hint && <Said text={what.hint} own={what.own} />}
    </>
  );

/** What a region that is read aloud says, and the way to say something else there: the same again counts as new. */
export function useSaid(): [said: ComponentChild, say: (what: string | Problem) => void] {
  const [{ what, times }, set] = useState<{ what: string | Problem; times: number }>({ what: "", times: 0 });
  const say = useCallback((next: string | Problem) => {
    set(({ times: before }) => ({ what: next, times: before + 1 }));
  }, []);
  const said = what && (
    <span key={times}>
      <SaidOf what={what} />
    </span>
  );
  return [said, say];
}
