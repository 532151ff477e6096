// The build's steps as one slim line; each says its state in words too.
import type { Phase } from "../../lib/api-types";
import { STEPS, stepStates, type Step, type StepState } from "./steps";

const MARKS: Record<StepState, string> = { done: "✓", skipped: "–", now: "●", stopped: "✕", ahead: "" };
const WORDS: Record<StepState, string> = { done: "done", skipped: "not needed", now: "in progress", stopped: "stopped here", ahead: "to come" };

const START: Step = { name: "Start", phases: [] };

export function Stepper({ entered, starting }: { entered: readonly Phase[]; starting: boolean }) {
  const states: StepState[] = [...stepStates(entered), starting ? "now" : "ahead"];
  const steps = starting ? [...STEPS, START] : STEPS;
  return (
    <ol class="hk-steps" aria-label="Steps of the build">
      {steps.map((step, index) => {
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
