// What the service tells at the start of a visit: what it can run, and the caller's builds.
import { useCallback, useEffect, useState } from "preact/hooks";
import { oneBuild, recentBuilds } from "../features/build/api";
import type { Build, Engine, Problem } from "../lib/api-types";
import { Failure, problemOf } from "../lib/failure";
import type { Service } from "../lib/service";

export interface Arrivals {
  engine: Engine | null;
  builds: readonly Build[];
  problem: Problem | null;
  /** Asks for the builds again. */
  refresh: () => void;
}

/** Loads once if `wanted`. `found` is told the build that this tab watched before (`watched` is its id), or null. */
export function useArrivals(
  service: Service,
  wanted: boolean,
  watched: string | null,
  found: (build: Build | null) => void,
): Arrivals {
  const [engine, setEngine] = useState<Engine | null>(null);
  const [builds, setBuilds] = useState<readonly Build[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const failed = (error: unknown) => {
    setProblem(problemOf(error));
  };
  const load = useCallback(async () => {
    const recent = await recentBuilds(service);
    setBuilds(recent);
    return recent;
  }, [service]);
  useEffect(() => {
    if (!wanted) return;
    service.json<Engine>("GET", "api/engine").then(setEngine).catch(failed);
    Promise.all([load(), watched ? again(service, watched) : null])
      .then(([, ours]) => {
        found(ours);
      })
      .catch((error: unknown) => {
        failed(error);
        found(null);
      });
  }, [service]);
  const refresh = useCallback(() => {
    load().catch(failed);
  }, [load]);
  return { engine, builds, problem, refresh };
}

/** The build that this tab watched before, unless it is gone or was called off. */
async function again(service: Service, id: string): Promise<Build | null> {
  try {
    const build = await oneBuild(service, id);
    return build.phase === "cancelled" ? null : build;
  } catch (error) {
    if (error instanceof Failure && !error.passing) return null;
    throw error;
  }
}
