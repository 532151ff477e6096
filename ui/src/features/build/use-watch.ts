// Watches one build for as long as it is shown.
import { useCallback, useEffect, useReducer } from "preact/hooks";
import type { Build } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";
import { follow } from "../../lib/follow";
import type { Service } from "../../lib/service";
import { reduce, watch, type Watched, type WatchEvent } from "./build";

/** The state of the build that began as `first`, and a way to tell it what else is learnt. */
export function useWatch(service: Service, first: Build): [Watched, (event: WatchEvent) => void] {
  const [state, tell] = useReducer(reduceAll, first, watch);
  const one = useCallback((event: WatchEvent) => {
    tell([event]);
  }, []);
  useEffect(() => {
    const away = new AbortController();
    const listener = {
      events: (events: { event: WatchEvent }[]) => {
        tell(events.map(({ event }) => event));
      },
      connected: (yes: boolean) => {
        tell([{ type: "connected", yes }]);
      },
    };
    follow(service, first.id, -1, listener, away.signal).catch((error: unknown) => {
      tell([{ type: "stopped-following", problem: problemOf(error) }]);
    });
    return () => {
      away.abort();
    };
  }, [service, first.id]);
  return [state, one];
}

const reduceAll = (state: Watched, events: readonly WatchEvent[]): Watched => events.reduce(reduce, state);
