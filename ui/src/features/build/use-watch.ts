// Watches one build for as long as it is shown.
import { useCallback, useEffect, useReducer } from "preact/hooks";
import type { Build } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";
import { follow } from "../../lib/follow";
import type { Service } from "../../lib/service";
import { makeFeed } from "../../lib/slices";
import { reduce, watch, type Watched, type WatchEvent } from "./build";

/** Bytes of a log's end that are followed from the start; what is before them comes when asked for. */
const TAIL = 256 * 1024;
/** Characters of log that are drawn at once. */
const GULP = 64 * 1024;

/** The state of the build that began as `first`, and a way to tell it what else is learnt. */
export function useWatch(service: Service, first: Build): [Watched, (event: WatchEvent) => void] {
  const [state, tell] = useReducer(reduceAll, first, watch);
  const one = useCallback((event: WatchEvent) => {
    tell([event]);
  }, []);
  useEffect(() => {
    const away = new AbortController();
    const feed = makeFeed<WatchEvent>(tell, (event) => (event.type === "log" ? event.text.length : 1), GULP);
    const listener = {
      events: (events: { event: WatchEvent }[]) => {
        feed.add(events.map(({ event }) => event));
      },
      connected: (yes: boolean) => {
        feed.add([{ type: "connected", yes }]);
      },
    };
    const position = { after: -1, logFrom: Math.max(0, first.log_bytes - TAIL) };
    follow(service, first.id, position, listener, away.signal).catch((error: unknown) => {
      feed.add([{ type: "stopped-following", problem: problemOf(error) }]);
    });
    return () => {
      away.abort();
      feed.stop();
    };
  }, [service, first.id]);
  return [state, one];
}

const reduceAll = (state: Watched, events: readonly WatchEvent[]): Watched => events.reduce(reduce, state);
