// What would happen if the button were pressed; asked of the service once it is known what the address means.
import { useEffect, useState } from "preact/hooks";
import type { Forecast, Recognised } from "../../lib/api-types";
import { ask as askService } from "../../lib/ask";
import type { Service } from "../../lib/service";
import type { Repository } from "./choice";
import { requestOf } from "./request";

/** Milliseconds after the last letter typed. */
const PAUSE = 400;

/** Null while it is not known, and where nobody can tell. */
export function useForecast(service: Service, repository: Repository, found: Recognised | null): Forecast | null {
  const [answer, setAnswer] = useState<{ asked: string; forecast: Forecast } | null>(null);
  const asked = queryOf(repository, found);
  useEffect(() => {
    if (!asked) return undefined;
    const gone = new AbortController();
    const ask = async () => {
      await service.ports.wait(PAUSE, gone.signal);
      const forecast = await askService<Forecast>(service, "api/forecast", asked);
      if (!gone.signal.aborted) setAnswer({ asked, forecast });
    };
    ask().catch(() => undefined); // the build will say what is wrong
    return () => {
      gone.abort(new Error("another question"));
    };
  }, [asked, service]);
  return answer?.asked === asked ? answer.forecast : null;
}

function queryOf(repository: Repository, found: Recognised | null): string {
  if (!found?.spec || (repository.asOf === "date" && !repository.date)) return "";
  const { refresh, ...texts } = requestOf(repository, found);
  return new URLSearchParams({ ...texts, ...(refresh ? { refresh: "1" } : {}) }).toString();
}
