// The build's steps as one slim line; each says its state in words too.
import type { Phase } from "../../lib/api-types";
import { STEPS, stepStates, type StepState } from "./steps";

const MARKS: Record<StepState, string> = { done: "✓", skipped: "–", now: "●", stopped: "✕", ahead: "" };
const WORDS: Record<StepState, string> = { done: "done", skipped: "not needed", now: "in progress", stopped: "stopped here", ahead: "to come" };

export function Stepper({ entered }: { entered: readonly Phase[] }) {
  const states = stepStates(entered);
  return (
    <ol class="hk-steps" aria-label="Steps of the build">
      {STEPS.map((step, index) => {
        const state = states[index] ?? "ahead";
        return (
          <li key={step.name} class={`hk-step hk-step-${state}`} aria-current={state === "now" ? "step" : undefined}>
            <span class="hk-step-mark" aria-hidden="true">
              {MARKS[state]}
            </span>
            <span class="hk-step-name">{step.name}</span>
            <span class="hk-unseen">: {WORDS[state]}</span>
          </li>
        );
      })}
    </ol>
  );
}
