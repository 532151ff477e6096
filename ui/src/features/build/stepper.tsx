// The build's steps as one slim line; each says its state in words too.
import type { Phase } from "../../lib/api-types";
import { STEPS, stepStates, type Step, type StepState } from "./steps";
import { t, word } from "../../lib/language";

const MARKS: Record<StepState, string> = { done: "✓", skipped: "–", now: "●", stopped: "✕", ahead: "" };
const WORDS: Record<StepState, string> = { done: word("done"), skipped: word("not needed"), now: word("in progress"), stopped: word("stopped here"), ahead: word("to come") };

const START: Step = { name: word("Start"), phases: [] };

export function Stepper({ entered, starting }: { entered: readonly Phase[]; starting: boolean }) {
  const states: StepState[] = [...stepStates(entered), starting ? "now" : "ahead"];
  const steps = starting ? [...STEPS, START] : STEPS;
  return (
    <ol class="hk-steps" aria-label={t("Steps of the build")}>
      {steps.map((step, index) => {
        const state = states[index] ?? "ahead";
        return (
          <li key={step.name} class={`hk-step hk-step-${state}`} aria-current={state === "now" ? "step" : undefined}>
            <span class="hk-step-mark" aria-hidden="true">
              {MARKS[state]}
            </span>
            <span class="hk-step-name">{t(step.name)}</span>
            <span class="hk-unseen">: {t(WORDS[state])}</span>
          </li>
        );
      })}
    </ol>
  );
}
