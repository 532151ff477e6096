// What would happen, in a line under the repository: how, about how long, and why.
import { Fragment } from "preact";
import { Said } from "../../components/said";
import type { Forecast } from "../../lib/api-types";
import { t } from "../../lib/language";
import { about } from "../../lib/time";

export function ForecastLine({ forecast }: { forecast: Forecast | null }) {
  return (
    <p role="status" class={forecast ? `hk-forecast hk-forecast-${forecast.outcome}` : "hk-forecast"}>
      {forecast && (
        <>
          <strong>{forecast.error ? <Said text={forecast.error.message} /> : headOf(forecast)}</strong>{" "}
          {whyOf(forecast).map((sentence, index) => (
            <Fragment key={sentence}>
              {index > 0 && " "}
              <Said text={sentence} />
              {!/[.!?]$/.test(sentence) && "."}
            </Fragment>
          ))}
          {noteOf(forecast)}
        </>
      )}
    </p>
  );
}

function headOf({ outcome, seconds }: Forecast): string {
  switch (outcome) {
    case "ready":
      return t("Used again at once.");
    case "joined":
      return t("Being built already: you join.");
    case "compose":
      return seconds === null ? t("Composed.") : t("Composed, about {time}.", { time: about(seconds) });
    case "run-steps":
      return seconds === null ? t("Composed, with steps run.") : t("Composed, with steps run, about {time}.", { time: about(seconds) });
    case "repo2docker":
      return seconds === null ? t("repo2docker, minutes.") : t("repo2docker, {time}.", { time: about(seconds) });
    case "unknown":
      return t("Not built here before.");
    case "refused":
      return "";
  }
}

/** The service's reasons; what is missing at the end of a sentence comes with it. */
function whyOf({ outcome, why, error }: Forecast): readonly string[] {
  if (error) return error.hint ? [error.hint] : [];
  if (outcome === "unknown" || outcome === "ready" || outcome === "joined") return [];
  return why;
}

/** What the page itself adds. */
function noteOf({ outcome, seconds, earlier, error }: Forecast): string {
  if (error) return "";
  if (outcome === "unknown") return t("About {time} if it comes as packages, minutes if repo2docker must build it.", { time: seconds === null ? t("half a minute") : about(seconds) });
  const told = outcome === "compose" || outcome === "run-steps" || outcome === "repo2docker";
  return told && earlier ? ` ${t("So it was with an earlier commit.")}` : "";
}
