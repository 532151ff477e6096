// What the service does about schedules, in memory.
import type { Schedule, ScheduleOrder } from "../lib/api-types";
import { schedule } from "./samples";

/** Puts a new one among `all`; null where its times are none. */
export function scheduled(all: Schedule[], { spec, times, ref = "HEAD" }: ScheduleOrder): Schedule | null {
  if (!/^[\d*]/.test(times)) return null;
  const made = schedule(`s${String(all.length + 1)}`, { times, spec: { provider: "gh", repository: spec, ref, subdir: "" } });
  all.push(made);
  return made;
}

/** `pause`, `go-on` or `run` of the one with this id. */
export function stepped(all: Schedule[], id = "", step = ""): Schedule | undefined {
  const change = step === "pause" ? { paused: true, next: null } : step === "run" ? { next: null, build: "b1" } : { paused: false, next: "2026-03-09T04:00:00Z" };
  const found = all.findIndex((one) => one.id === id);
  const now = all[found];
  if (now) all[found] = { ...now, ...change };
  return all[found];
}
