// What the page knows of the build it watches; follows the service's events, and nothing else changes it.
import { hasEnded, type Build, type BuildEvent, type Phase, type Problem } from "../../lib/api-types";
import { BLANK, write, type Terminal } from "../../lib/terminal";

export interface Watched {
  build: Build;
  /** Phases entered, in order. */
  entered: readonly Phase[];
  progress: { done: number; total: number } | null;
  screen: Terminal;
  connection: "connecting" | "open" | "lost";
  /** Why it cannot be followed any more, although it may go on. */
  problem: Problem | null;
}

export type WatchEvent =
  | BuildEvent
  | { type: "connected"; yes: boolean }
  | { type: "stopped-following"; problem: Problem }
  | { type: "known"; build: Build };

export function watch(build: Build): Watched {
  return { build, entered: [build.phase], progress: null, screen: BLANK, connection: "connecting", problem: null };
}

export function reduce(state: Watched, event: WatchEvent): Watched {
  const { build } = state;
  switch (event.type) {
    case "phase":
      // An end is told twice; only the `end` event brings what came of the build.
      return hasEnded(event.phase) ? state : { ...enter(state, event.phase), progress: null };
    case "log":
      return { ...state, screen: write(state.screen, event.text) };
    case "queued":
      return { ...state, build: { ...build, queue_position: event.position, queue_seconds: event.seconds ?? null } };
    case "resolved":
      return { ...state, build: { ...build, commit: event.commit } };
    case "planned":
      return { ...state, build: { ...build, plan: event.plan, why: event.why } };
    case "progress":
      return { ...state, progress: { done: event.done, total: event.total } };
    case "end":
    case "known":
      return { ...enter(state, event.build.phase), build: event.build, progress: null };
    case "connected":
      return { ...state, connection: event.yes ? "open" : "lost", problem: null };
    case "stopped-following":
      return { ...state, connection: "lost", problem: event.problem };
  }
}

/** Phases are replayed from the first, so the ones already known are no news; an end is final. */
function enter(state: Watched, phase: Phase): Watched {
  if (hasEnded(state.build.phase) && !hasEnded(phase)) return { ...state, entered: before(state.entered, phase) };
  const entered = state.entered.at(-1) === phase ? state.entered : [...state.entered.filter((one) => one !== phase), phase];
  return { ...state, entered, build: { ...state.build, phase } };
}

/** A replayed phase of a build that has ended goes before the end. */
function before(entered: readonly Phase[], phase: Phase): Phase[] {
  return [...entered.filter((one) => one !== phase && !hasEnded(one)), phase, ...entered.filter(hasEnded)];
}

export const isOver = (state: Watched): boolean => hasEnded(state.build.phase);
