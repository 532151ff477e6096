// The user's saved environments: loading, renaming and forgetting them.
import { useCallback, useEffect, useReducer } from "preact/hooks";
import type { Environment, Problem } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";
import type { Service } from "../../lib/service";

export interface Saved {
  environments: readonly Environment[];
  loaded: boolean;
  problem: Problem | null;
}

export type SavedEvent =
  | { type: "loaded"; environments: readonly Environment[] }
  | { type: "changed"; environment: Environment }
  | { type: "forgotten"; id: string }
  | { type: "failed"; problem: Problem };

export const NONE_YET: Saved = { environments: [], loaded: false, problem: null };

export function reduce(state: Saved, event: SavedEvent): Saved {
  switch (event.type) {
    case "loaded":
      return { environments: event.environments, loaded: true, problem: null };
    case "changed":
      return { ...state, problem: null, environments: state.environments.map((one) => (one.id === event.environment.id ? event.environment : one)) };
    case "forgotten":
      return { ...state, problem: null, environments: state.environments.filter((one) => one.id !== event.id) };
    case "failed":
      return { ...state, problem: event.problem };
  }
}

export interface SavedEnvironments extends Saved {
  rename: (id: string, name: string) => Promise<void>;
  forget: (id: string) => Promise<void>;
}

/** The saved environments, loaded once if `wanted`; `onLoaded` is told them. */
export function useSaved(service: Service, wanted: boolean, onLoaded: (environments: readonly Environment[]) => void): SavedEnvironments {
  const [state, tell] = useReducer(reduce, NONE_YET);
  const attempt = useCallback(async (work: () => Promise<SavedEvent>) => {
    tell(await work().catch((error: unknown): SavedEvent => ({ type: "failed", problem: problemOf(error) })));
  }, []);
  useEffect(() => {
    if (!wanted) return;
    void attempt(async () => {
      const { environments } = await service.json<{ environments: Environment[] }>("GET", "api/environments");
      onLoaded(environments);
      return { type: "loaded", environments };
    });
  }, [service]);
  const address = (id: string) => `api/environments/${encodeURIComponent(id)}`;
  return {
    ...state,
    rename: (id, name) => attempt(async () => ({ type: "changed", environment: await service.json<Environment>("PATCH", address(id), { name }) })),
    forget: (id) =>
      attempt(async () => {
        await service.json("DELETE", address(id));
        return { type: "forgotten", id };
      }),
  };
}
