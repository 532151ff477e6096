// The part of the log that is not on the screen yet.
import { useCallback, useRef, useState } from "preact/hooks";
import type { Problem } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";
import type { Service } from "../../lib/service";
import { lineCount } from "../../lib/terminal";
import { earlierLog } from "./api";
import type { Watched, WatchEvent } from "./build";

export interface Earlier {
  /** Lines that are not shown, as far as can be told; 0 when all are. */
  lines: number;
  /** Whether they can be brought: of a log of more than half a million lines only the newest are kept. */
  brings: boolean;
  busy: boolean;
  problem: Problem | null;
  /** Brings the nearest of them. */
  more: () => void;
}

export function useEarlier(service: Service, state: Watched, tell: (event: WatchEvent) => void): Earlier {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const reading = useRef(false);
  const { screen, shown, full } = state;
  const from = shown?.from ?? 0;
  const { id } = state.build;
  const more = useCallback(() => {
    if (reading.current || !from) return;
    reading.current = true;
    setBusy(true);
    setProblem(null);
    earlierLog(service, id, from)
      .then((found) => {
        tell({ type: "earlier", ...found });
      })
      .catch((error: unknown) => {
        setProblem(problemOf(error));
      })
      .finally(() => {
        reading.current = false;
        setBusy(false);
      });
  }, [service, id, from, tell]);
  return { lines: screen.dropped + guess(state), brings: from > 0 && !full && !screen.dropped, busy, problem, more };
}

/** The number of lines in the bytes before the screen, if they are as long as those on it. */
function guess({ screen, shown }: Watched): number {
  if (!shown?.from) return 0;
  return Math.max(1, Math.round((lineCount(screen.pages) / Math.max(1, shown.to - shown.from)) * shown.from));
}
