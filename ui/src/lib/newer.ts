// Newer commits of saved environments' repositories: asked behind the page, which waits for nothing.
import { useEffect, useState } from "preact/hooks";
import type { Newer } from "./api-types";
import { t } from "./language";
import type { Service } from "./service";

/** What one request may ask about. */
const MOST = 50;

const NONE: ReadonlyMap<string, Newer> = new Map();

/** Of the environments with these ids those whose ref means another commit now, once their hosts have answered. */
export function useNewer(service: Service, ids: readonly string[]): ReadonlyMap<string, Newer> {
  const [newer, setNewer] = useState(NONE);
  const shown = ids.slice(0, MOST).join(" ");
  useEffect(() => {
    if (!shown) return undefined;
    const gone = new AbortController();
    const query = new URLSearchParams(shown.split(" ").map((id) => ["id", id]));
    service
      .json<{ newer: Newer[] }>("GET", `api/newer?${query.toString()}`)
      .then((told) => {
        if (!gone.signal.aborted) setNewer(new Map(told.newer.map((one) => [one.id, one])));
      })
      .catch(() => undefined); // nothing is known to be newer
    return () => {
      gone.abort(new Error("others are shown"));
    };
  }, [shown, service]);
  return newer;
}

/** The ref as people call it. */
export const branchOf = ({ ref }: Newer): string => (ref === "HEAD" ? t(t("the default branch")) : ref);
