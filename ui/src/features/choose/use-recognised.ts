// What the service makes of the address as it is typed; nothing is looked up anywhere.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem, Recognised } from "../../lib/api-types";
import { withoutSecret } from "../../lib/address";
import { ask as askService } from "../../lib/ask";
import { Failure, problemOf } from "../../lib/failure";
import type { Service } from "../../lib/service";
import type { Repository } from "./choice";

export interface Recognition {
  /** What the address means, once that is known. */
  found: Recognised | null;
  /** Why it means nothing. */
  problem: Problem | null;
  /** It is not known yet. */
  pending: boolean;
  /** Write what is found into the fields, as soon as it is known: the address was pasted, or its field was left. */
  settle: () => void;
}

const PAUSE = 250;

/** Asks while `wanted`; `understood` is told what is to be written into the fields, at once if `settled`. */
export function useRecognised(service: Service, repository: Repository, wanted: boolean, settled: boolean, understood: (found: Recognised) => void): Recognition {
  const [answer, setAnswer] = useState<{ asked: string; found: Recognised | null; problem: Problem | null }>({ asked: "", found: null, problem: null });
  const [due, setDue] = useState(settled);
  const latest = useRef(understood);
  latest.current = understood;
  const asked = wanted ? queryOf(repository) : "";
  useEffect(() => {
    if (!asked) return undefined;
    const gone = new AbortController();
    const ask = async () => {
      if (!due) await service.ports.wait(PAUSE, gone.signal);
      const found = await askService<Recognised>(service, "api/recognised", asked);
      if (!gone.signal.aborted) setAnswer({ asked, found, problem: null });
    };
    ask().catch((error: unknown) => {
      // A service that does not know the question, or does not answer, is no fault of the address.
      const fault = error instanceof Failure && error.status === 400;
      if (!gone.signal.aborted) setAnswer({ asked, found: null, problem: fault ? problemOf(error) : null });
    });
    return () => {
      gone.abort(new Error("another address"));
    };
  }, [asked, service]);
  const current = answer.asked === asked && asked !== "";
  const found = current ? answer.found : null;
  // Before anything else is typed: an effect that waits for the picture would write over it.
  useLayoutEffect(() => {
    if (!due || !current) return;
    setDue(false);
    if (found?.spec) latest.current(found);
  }, [due, current, found]);
  const settle = useCallback(() => {
    setDue(true);
  }, []);
  return { found, problem: current ? answer.problem : null, pending: asked !== "" && !current, settle };
}

function queryOf({ address, ref, subdir }: Repository): string {
  const text = withoutSecret(address).trim();
  if (!text || text === "inline/") return "";
  return new URLSearchParams({ text, ...(ref.trim() ? { ref: ref.trim() } : {}), ...(subdir.trim() ? { subdir: subdir.trim() } : {}) }).toString();
}
