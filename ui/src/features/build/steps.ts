// The build's phases as the few steps that a person follows.
import type { Phase } from "../../lib/api-types";
import { word } from "../../lib/language";

export interface Step {
  name: string;
  phases: readonly Phase[];
}

export const STEPS: readonly Step[] = [
  { name: word("Queue"), phases: ["queued"] },
  { name: word("Find"), phases: ["resolving"] },
  { name: word("Fetch"), phases: ["fetching"] },
  { name: word("Plan"), phases: ["planning"] },
  { name: word("Lock packages"), phases: ["locking"] },
  { name: word("Build"), phases: ["building", "pushing"] },
  { name: word("Check"), phases: ["verifying"] },
];

export type StepState = "done" | "skipped" | "now" | "stopped" | "ahead";

/** How each step stands, given the phases entered so far in order; the last may be an end. */
export function stepStates(entered: readonly Phase[]): StepState[] {
  const visited = entered.map((phase) => STEPS.findIndex((step) => step.phases.includes(phase))).filter((index) => index >= 0);
  const furthest = Math.max(-1, ...visited);
  const last = entered.at(-1);
  const stopped = last === "failed" || last === "cancelled" || last === "interrupted";
  return STEPS.map((_, index) => {
    if (index === furthest && last !== "ready") return stopped ? "stopped" : "now";
    if (visited.includes(index)) return "done";
    return index < furthest || last === "ready" ? "skipped" : "ahead";
  });
}
