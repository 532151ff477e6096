// What would happen, in a line under the repository: how, about how long, and why.
import { Said } from "../../components/said";
import type { Forecast } from "../../lib/api-types";
import { about } from "../../lib/time";

export function ForecastLine({ forecast }: { forecast: Forecast | null }) {
  return (
    <p role="status" class={forecast ? `hk-forecast hk-forecast-${forecast.outcome}` : "hk-forecast"}>
      {forecast && (
        <>
          <strong>{headOf(forecast)}</strong> <Said text={whyOf(forecast)} />
        </>
      )}
    </p>
  );
}

function headOf({ outcome, seconds, error }: Forecast): string {
  const long = seconds === null ? "" : `, about ${about(seconds)}`;
  switch (outcome) {
    case "ready":
      return "Used again at once.";
    case "joined":
      return "Being built already: you join.";
    case "compose":
      return `Composed${long}.`;
    case "run-steps":
      return `Composed, with steps run${long}.`;
    case "repo2docker":
      return `repo2docker, ${seconds === null ? "minutes" : about(seconds)}.`;
    case "unknown":
      return "Not built here before.";
    case "refused":
      return error?.message ?? "";
  }
}

function whyOf({ outcome, seconds, why, earlier, error }: Forecast): string {
  if (outcome === "refused") return error?.hint ?? "";
  if (outcome === "unknown") return `About ${seconds === null ? "half a minute" : about(seconds)} if it comes as packages, minutes if repo2docker must build it.`;
  if (outcome === "ready" || outcome === "joined") return "";
  const sentences = why.map((one) => (/[.!?]$/.test(one) ? one : `${one}.`));
  return [...sentences, ...(earlier ? ["So it was with an earlier commit."] : [])].join(" ");
}
