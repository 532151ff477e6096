// The build's phases as the few steps that a person follows.
import type { Phase } from "../../lib/api-types";

export interface Step {
  name: string;
  phases: readonly Phase[];
}

export const STEPS: readonly Step[] = [
  { name: "Queue", phases: ["queued"] },
  { name: "Find", phases: ["resolving"] },
  { name: "Fetch", phases: ["fetching"] },
  { name: "Plan", phases: ["planning"] },
  { name: "Lock packages", phases: ["locking"] },
  { name: "Build", phases: ["building", "pushing"] },
  { name: "Check", phases: ["verifying"] },
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

const DOING: Record<Phase, string> = {
  queued: "Waiting for its turn",
  resolving: "Finding the repository",
  fetching: "Fetching the files",
  planning: "Reading what it needs",
  locking: "Choosing package versions",
  building: "Building the environment",
  pushing: "Storing the environment",
  verifying: "Checking that Jupyter starts in it",
  ready: "Ready",
  failed: "The build failed",
  cancelled: "The build was cancelled",
  interrupted: "The build was interrupted",
};

/** What is going on, in a few words. */
export const doing = (phase: Phase): string => DOING[phase];
