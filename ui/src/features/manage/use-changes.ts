// Changes of one environment: what a field chooses shows in it at once, and all is saved in the order in which it was chosen.
import { useRef, useState } from "preact/hooks";
import type { EnvironmentDetails } from "../../lib/api-types";
import type { Change } from "./api";

interface Changes {
  /** The environment with what fields have chosen and is not saved yet. */
  one: EnvironmentDetails | null;
  /** Saves `what`, and ends when it is told what became of it. */
  change: (what: Change) => Promise<void>;
}

/** `save` tells the service one change; `load` asks it what is `known`, once no other is on its way. */
export function useChanges(known: EnvironmentDetails | null, save: (what: Change) => Promise<unknown>, load: () => Promise<void>): Changes {
  const [chosen, choose] = useState<Change>({});
  const last = useRef<Promise<unknown>>(Promise.resolve());
  const change = async (what: Change) => {
    if (what.pinned !== undefined) choose((before) => ({ ...before, ...what }));
    const mine = last.current.catch(() => undefined).then(() => save(what));
    last.current = mine;
    const isLast = () => last.current === mine;
    try {
      await mine;
      if (isLast()) await load();
    } finally {
      if (isLast()) choose({});
    }
  };
  return { one: known && { ...known, ...chosen }, change };
}
