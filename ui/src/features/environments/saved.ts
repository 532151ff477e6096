// The user's saved environments: loading, renaming and forgetting them.
import { useCallback, useEffect, useReducer, useRef } from "preact/hooks";
import type { Environment, Problem } from "../../lib/api-types";
import { Failure, problemOf } from "../../lib/failure";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";

/** Cards at most; whoever has more finds the others by words. */
export const MOST = 50;

export interface Saved {
  /** All that have arrived so far. */
  environments: readonly Environment[];
  /** Ids of those that are offered now: the last used, or those that were looked for. */
  offered: readonly string[];
  /** How many there are. */
  total: number;
  loaded: boolean;
  problem: Problem | null;
}

export type SavedEvent =
  | { type: "loaded"; environments: readonly Environment[]; total: number; problem: Problem | null }
  | { type: "found"; environments: readonly Environment[] }
  | { type: "changed"; environment: Environment }
  | { type: "forgotten"; id: string }
  | { type: "failed"; problem: Problem };

export const NONE_YET: Saved = { environments: [], offered: [], total: 0, loaded: false, problem: null };

export function reduce(state: Saved, event: SavedEvent): Saved {
  switch (event.type) {
    case "loaded":
      return { environments: event.environments, offered: idsOf(event.environments), total: event.total, loaded: true, problem: event.problem };
    case "found":
      return { ...state, problem: null, environments: [...event.environments, ...without(state.environments, idsOf(event.environments))], offered: idsOf(event.environments) };
    case "changed":
      return { ...state, problem: null, environments: state.environments.map((one) => (one.id === event.environment.id ? event.environment : one)) };
    case "forgotten":
      return { ...state, problem: null, environments: without(state.environments, [event.id]), total: state.total - 1 };
    case "failed":
      return { ...state, problem: event.problem };
  }
}

const idsOf = (environments: readonly Environment[]) => environments.map(({ id }) => id);

const without = (environments: readonly Environment[], ids: readonly string[]) => {
  const gone = new Set(ids);
  return environments.filter(({ id }) => !gone.has(id));
};

export interface SavedEnvironments extends Saved {
  /** Offers those that have these words, or the last used. */
  find: (words: string) => void;
  /** Whether it was done; why not, is the problem. */
  rename: (id: string, name: string) => Promise<boolean>;
  forget: (id: string) => Promise<boolean>;
}

/** The saved environments, loaded once if `wanted`, that with the id `named` among them; `onLoaded` is told them. */
export function useSaved(service: Service, wanted: boolean, named: string, onLoaded: (environments: readonly Environment[]) => void): SavedEnvironments {
  const [state, tell] = useReducer(reduce, NONE_YET);
  const attempt = useCallback(async (work: () => Promise<SavedEvent>) => {
    const event = await work().catch((error: unknown): SavedEvent => ({ type: "failed", problem: problemOf(error) }));
    tell(event);
    return event.type !== "failed";
  }, []);
  useEffect(() => {
    if (!wanted) return;
    void attempt(async () => {
      const { environments, total } = await listed(service, "");
      const missing = named && !environments.some(({ id }) => id === named);
      const { found, problem } = missing ? await one(service, named) : NOBODY_ASKED;
      const all = [...environments, ...found];
      onLoaded(all);
      return { type: "loaded", environments: all, total, problem };
    });
  }, [service]);
  const looking = useRef(new AbortController());
  const find = (words: string) => {
    looking.current.abort(new Error("other words"));
    const { signal } = (looking.current = new AbortController());
    service.ports
      .wait(PAUSE, signal)
      .then(() => listed(service, words))
      .then(({ environments }) => {
        if (!signal.aborted) tell({ type: "found", environments });
      })
      .catch((error: unknown) => {
        if (!signal.aborted) tell({ type: "failed", problem: problemOf(error) });
      });
  };
  const address = (id: string) => `api/environments/${encodeURIComponent(id)}`;
  return {
    ...state,
    find,
    rename: (id, name) => attempt(async () => ({ type: "changed", environment: await service.json<Environment>("PATCH", address(id), { name }) })),
    forget: (id) =>
      attempt(async () => {
        await service.json("DELETE", address(id));
        return { type: "forgotten", id };
      }),
  };
}

/** Milliseconds after the last letter typed. */
const PAUSE = 250;

const listed = (service: Service, words: string) =>
  service.json<{ environments: Environment[]; total: number }>("GET", `api/environments?${new URLSearchParams({ q: words, limit: String(MOST) }).toString()}`);

const NOBODY_ASKED = { found: [], problem: null };

/** It, or why it is not to be had. */
async function one(service: Service, id: string): Promise<{ found: Environment[]; problem: Problem | null }> {
  try {
    return { found: [await service.json<Environment>("GET", `api/environments/${encodeURIComponent(id)}`)], problem: null };
  } catch (error) {
    const gone = error instanceof Failure && error.status === 404;
    return { found: [], problem: gone ? { code: "not_found", own: true, message: t("The environment that the link leads to is gone, or not yours to use."), hint: t("Choose something else.") } : problemOf(error) };
  }
}
