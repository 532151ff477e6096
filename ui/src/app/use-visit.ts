// One visit to the page: the state of all features together; each of them knows nothing of the others.
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { firstChoice, reduce as reduceChoice, type ChoiceEvent } from "../features/choose/choice";
import { complaintsOf } from "../features/choose/complaints";
import { kept, restored } from "../features/choose/kept";
import { resourcesOf } from "../features/choose/kept-resources";
import { inForce, takesBuilt } from "../features/choose/offers";
import { useForecast } from "../features/choose/use-forecast";
import { useRecognised } from "../features/choose/use-recognised";
import { buildIn, forgetLines } from "../features/build/use-lines";
import { useSaved } from "../features/environments/saved";
import { hasEnded, type Engine } from "../lib/api-types";
import { forgetLink } from "../lib/address";
import { t } from "../lib/language";
import { imageOption, type Page } from "../lib/page";
import { recall, remember } from "../lib/remembered";
import type { Service } from "../lib/service";
import { useArrivals } from "./arrivals";
import { CHOOSING, reduce } from "./flow";

export type Visit = ReturnType<typeof useVisit>;

export function useVisit(page: Page, service: Service) {
  const remembered = useMemo(() => usable(page), [page]);
  const [choice, tellChoice] = useReducer(reduceChoice, null, () => (remembered ? restored(page, remembered.choice) : firstChoice(page)));
  const [flow, tell] = useReducer(reduce, CHOOSING);
  // A link to lines of a log leads to whosesoever build it is, if it may be read.
  const named = useMemo(() => buildIn(window.location.hash), [page]);
  const watched = named || (remembered?.build ?? null);
  const [finding, setFinding] = useState(Boolean(watched));
  const touched = useRef(false);
  const taken = useRef(false);
  const wanted = useMemo(() => page.profiles.some((profile) => takesBuilt(imageOption(profile))), [page]);

  const saved = useSaved(service, wanted, page.environment, (environments) => {
    tellChoice({ type: "saved", environments });
  });
  const arrived = useArrivals(service, wanted, watched, (build) => {
    setFinding(false);
    const asked = remembered?.build === watched && remembered.asked;
    if (build) tell({ type: "watching", build, asked, startsItself: asked && !hasEnded(build.phase) });
    else if (named) tell({ type: "refused", problem: { code: "not_found", own: true, message: t("The log that the link leads to is gone, or not yours to read."), hint: "" } });
  });
  const arrivals = { ...arrived, engine: engineOf(page, arrived.engine) };
  const now = inForce(page, choice, saved.environments, arrivals.engine);

  const recognition = useRecognised(service, choice.repository, wanted && now.source === "repository" && !flow.build, page.linked, (found) => {
    tellChoice({ type: "understood", found });
  });

  useEffect(() => {
    if (!saved.loaded || remembered || touched.current || now.picked?.kind !== "saved") return;
    // What was chosen last time is chosen again, resources too; a link, or what there is by itself, brings its own.
    const last = Object.keys(page.chosen).length > 0 && now.picked.environment.id !== page.environment;
    const resources = last ? null : resourcesOf(page, now.picked.environment.resources);
    if (resources) tellChoice({ type: "resources", resources });
  }, [saved.loaded]);

  const forecast = useForecast(service, choice.repository, recognition.found);

  useLayoutEffect(() => { // before anybody can reload what they see
    const acted = Boolean(flow.build ?? flow.sending);
    if (acted && page.linked) forgetLink();
    // What a link filled in is the user's own only once they have acted on it.
    if (!acted && (!touched.current || (page.linked && !taken.current))) return;
    taken.current ||= acted;
    const sent = flow.sending !== null;
    remember({ build: sent ? null : (flow.build?.id ?? null), asked: flow.asked, sent, choice: kept(choice) });
  }, [choice, flow.build, flow.sending]);

  useEffect(() => {
    if (flow.cameBackTo) forgetLines();
  }, [flow.cameBackTo]);

  const touch = () => {
    touched.current = true;
  };
  return {
    ...{ page, service, recognition, forecast, choice, flow, tell, saved, arrivals, now, finding: finding && wanted, touch },
    complaints: complaintsOf(choice, now, recognition),
    tellChoice: (event: ChoiceEvent) => {
      touch();
      tellChoice(event);
    },
  };
}

/** What servers run in: the hub says it where they do not run on the service's machine, which knows what it pushes. */
function engineOf(page: Page, service: Engine | null): Engine | null {
  return page.engine ? { ...page.engine, elsewhere: true, ...(service?.pushes === undefined ? {} : { pushes: service.pushes }) } : service;
}

/**
 * What this tab remembers is used until the hub has taken the form, and does not stand in front of a link.
 *
 * Whoever steps back from their server meets the page as the browser kept it, which knows nothing of what was started.
 */
function usable(page: Page) {
  if (page.linked || page.environment) return null;
  const remembered = recall();
  const again = remembered && (!remembered.sent || page.problem || steppedBack()) ? { ...remembered, sent: false } : null;
  remember(again); // what has come back is here to be found by a reload too
  return again;
}

const steppedBack = (): boolean => (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined)?.type === "back_forward";
