// A box that says what happened and what to do.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../lib/api-types";

interface Props {
  problem: Problem;
  /** Buttons. */
  children?: ComponentChildren;
  /** Move the focus here when it appears: what the user waited for has ended. */
  takesFocus?: boolean;
}

export function ProblemNotice({ problem, children, takesFocus = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) box.current?.focus();
  }, [takesFocus, problem]);
  return (
    <div class="hk-notice hk-notice-problem" role="alert" tabIndex={-1} ref={box}>
      <p class="hk-notice-title">{problem.message}</p>
      {problem.hint && <p>{problem.hint}</p>}
      {children && <div class="hk-buttons">{children}</div>}
    </div>
  );
}
