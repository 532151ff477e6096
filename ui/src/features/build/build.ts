// What the page knows of the build it watches; follows the service's events, and nothing else changes it.
import { hasEnded, type Build, type BuildEvent, type Phase, type Problem } from "../../lib/api-types";
import { BLANK, write, writeBefore, type Terminal } from "../../lib/terminal";

export interface Watched {
  build: Build;
  /** Phases entered, in order. */
  entered: readonly Phase[];
  progress: { done: number; total: number } | null;
  screen: Terminal;
  /** Which bytes of the log are on the screen; null until text comes. */
  shown: { from: number; to: number } | null;
  /** No more earlier lines fit on the screen. */
  full: boolean;
  connection: "connecting" | "open" | "lost";
  /** Why it cannot be followed any more, although it may go on. */
  problem: Problem | null;
}

export type WatchEvent =
  | BuildEvent
  | { type: "earlier"; text: string; from: number }
  | { type: "connected"; yes: boolean }
  | { type: "stopped-following"; problem: Problem }
  | { type: "known"; build: Build };

export function watch(build: Build): Watched {
  return { build, entered: [build.phase], progress: null, screen: BLANK, shown: null, full: false, connection: "connecting", problem: null };
}

export function reduce(state: Watched, event: WatchEvent): Watched {
  const { build } = state;
  switch (event.type) {
    case "phase":
      // An end is told twice; only the `end` event brings what came of the build.
      return hasEnded(event.phase) ? state : { ...enter(state, event.phase), progress: null };
    case "log":
      return { ...state, ...logged(state, event.text, event.offset) };
    case "earlier":
      return { ...state, ...earlier(state, event.text, event.from) };
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

/** A log that is not followed from its beginning begins with its first whole line. */
function logged({ screen, shown }: Watched, text: string, offset: number): Partial<Watched> {
  const to = offset + bytesOf(text);
  if (shown || offset === 0) return { screen: write(screen, text), shown: { from: shown?.from ?? 0, to } };
  const end = text.indexOf("\n") + 1;
  return end ? { screen: write(screen, text.slice(end)), shown: { from: offset + bytesOf(text.slice(0, end)), to } } : {};
}

function earlier({ screen, shown }: Watched, text: string, from: number): Partial<Watched> {
  const longer = writeBefore(screen, text);
  return longer === screen || !shown ? { full: true } : { screen: longer, shown: { ...shown, from } };
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

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
