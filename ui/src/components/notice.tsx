// A box that says what happened and what to do.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../lib/api-types";
import { Said } from "./said";

interface Props {
  problem: Problem;
  /** Buttons. */
  children?: ComponentChildren;
  /** Move the focus here when it appears: what the user waited for has ended. */
  takesFocus?: boolean;
}

/** Advice about the machine, which only who runs it can follow. */
const forAdmins = ({ code, hint }: Problem): boolean => code === "engine_missing" || code === "not_ready" || hint.startsWith("Run: ");

export function ProblemNotice({ problem, children, takesFocus = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) box.current?.focus();
  }, [takesFocus, problem]);
  return (
    <div class="hk-notice hk-notice-problem" role="alert" tabIndex={-1} ref={box}>
      <p class="hk-notice-title">
        <Said text={problem.message} />
      </p>
      {problem.hint && (
        <p>
          {forAdmins(problem) && "For whoever runs this hub: "}
          <Said text={problem.hint} />
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
