// What the service says: in the reader's language if that is known, names between backticks as code, no control characters.
import { useLayoutEffect, useState } from "preact/hooks";
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
