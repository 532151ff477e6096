// How much is left of what the user may have, in a line before the button; nothing where nothing is limited.
import { useEffect, useState } from "preact/hooks";
import type { Allowance } from "../../lib/api-types";
import { listed, t, tn } from "../../lib/language";
import type { Service } from "../../lib/service";
import { about } from "../../lib/time";

export function AllowanceLine({ service, builds }: { service: Service; builds: boolean }) {
  const [allowance, setAllowance] = useState<Allowance | null>(null);
  useEffect(() => {
    let gone = false;
    const ask = async () => {
      const told = await service.json<Allowance>("GET", "api/limits");
      if (!gone) setAllowance(told);
    };
    ask().catch(() => undefined); // whoever is over a limit is told when they press
    return () => {
      gone = true;
    };
  }, [service]);
  const said = allowance && leftOf(allowance, builds);
  return said ? <p class="hk-forecast">{said}</p> : null;
}

/** What is left, in words; what builds alone need is left out where nothing is to be built. */
export function leftOf({ limits, used }: Allowance, builds: boolean): string {
  const left = (name: keyof Allowance["used"]): number | null => {
    const limit = limits[name];
    return typeof limit === "number" ? Math.max(0, limit - (used[name] ?? 0)) : null;
  };
  const [count, seconds, starts] = [left("user_builds_daily"), left("user_build_time_daily"), left("user_launches_daily")];
  if (builds && left("user_stored") === 0) return t("Your saved environments take all that they may: delete some, or nothing new is built.");
  const parts = [
    ...(builds && count !== null ? [tn(count, "{n} build", "{n} builds")] : []),
    ...(builds && seconds !== null ? [t("{time} of building", { time: seconds ? about(seconds) : t("{seconds} s", { seconds: 0 }) })] : []),
    ...(starts !== null ? [tn(starts, "{n} start", "{n} starts")] : []),
  ];
  return parts.length ? t("Left within 24 hours: {what}.", { what: listed(parts) }) : "";
}
