// One thing at a time that is asked of the service: whether it is under way, and why it did not go well.
import { useCallback, useState } from "preact/hooks";
import type { Problem } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";

export interface Task {
  busy: boolean;
  problem: Problem | null;
  /** Does `work`; what it throws is shown. */
  run: (work: () => Promise<void>) => void;
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = useCallback((work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    work()
      .catch((error: unknown) => {
        setProblem(problemOf(error));
      })
      .finally(() => {
        setBusy(false);
      });
  }, []);
  return { busy, problem, run };
}
