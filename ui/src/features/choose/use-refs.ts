// Branches and tags to choose from; asked for once somebody is about to name one.
import { useEffect, useState } from "preact/hooks";
import type { Recognised, Refs } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { addressOf } from "../../lib/spec";

export interface Suggested {
  /** The default branch first, then tags by version, then the other branches. */
  names: readonly string[];
  /** The default branch, or "" while it is not known. */
  fallback: string;
  /** Whether there are none because the repository's host does not answer. */
  silent: boolean;
  /** Tell that the field is being filled in. */
  want: () => void;
}

const PAUSE = 250;

/** Asks while `typed` is written; long listings are searched by the service. */
export function useRefs(service: Service, found: Recognised | null, typed: string): Suggested {
  const [wanted, setWanted] = useState(false);
  const [known, setKnown] = useState<{ of: string; refs: Refs } | null>(null);
  const repository = found?.kind === "repository" && found.spec ? addressOf(found.spec) : "";
  const current = known && known.of.split("\n")[0] === repository ? known.refs : null;
  const asked = repository && `${repository}\n${known?.refs.more ? typed.trim() : ""}`;
  useEffect(() => {
    if (!wanted || !asked || known?.of === asked) return undefined;
    const gone = new AbortController();
    const ask = async () => {
      if (current) await service.ports.wait(PAUSE, gone.signal);
      const [spec = "", q = ""] = asked.split("\n");
      const refs = await service.json<Refs>("GET", `api/refs?${new URLSearchParams({ spec, ...(q ? { q } : {}) }).toString()}`);
      if (!gone.signal.aborted) setKnown({ of: asked, refs: q ? { ...refs, more: 1 } : refs });
    };
    ask().catch(() => undefined); // no suggestions then; the forecast says what is wrong
    return () => {
      gone.abort(new Error("another question"));
    };
  }, [wanted, asked, service]);
  const [first = "", ...others] = current?.branches ?? [];
  return {
    names: current ? [first, ...current.tags, ...others].filter(Boolean) : [],
    fallback: current?.default ?? "",
    silent: !!current?.error,
    want: () => {
      setWanted(true);
    },
  };
}
