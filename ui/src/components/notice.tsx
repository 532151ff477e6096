// A box that says what happened and what to do.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../lib/api-types";
import { meaningOf, told } from "../lib/said";
import { Said, useServiceWords } from "./said";

interface Props {
  problem: Problem;
  /** Buttons. */
  children?: ComponentChildren;
  /** Move the focus here when it appears: what the user waited for has ended. */
  takesFocus?: boolean;
}

export function ProblemNotice({ problem, children, takesFocus = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useServiceWords();
  useEffect(() => {
    if (takesFocus) box.current?.focus();
  }, [takesFocus, problem]);
  const message = <Said text={problem.message} own={problem.own} />;
  // Of a sentence that nobody has translated, the reader understands at least what kind of trouble it is.
  const general = !problem.own && told(problem.message).foreign ? meaningOf(problem.code) : "";
  return (
    <div class="hk-notice hk-notice-problem" role="alert" tabIndex={-1} ref={box}>
      <p class="hk-notice-title">{general || message}</p>
      {general && <p>{message}</p>}
      {problem.hint && (
        <p>
          <Said text={problem.hint} own={problem.own} />
        </p>
      )}
      {problem.link && (
        <p>
          <a href={problem.link.href} target="_blank" rel="noopener">
            {problem.link.text}
          </a>
        </p>
      )}
      {children && <div class="hk-buttons">{children}</div>}
    </div>
  );
}
