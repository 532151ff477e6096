// One visit to the page: the state of all features together; each of them knows nothing of the others.
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { firstChoice, reduce as reduceChoice, type ChoiceEvent } from "../features/choose/choice";
import { complaintsOf } from "../features/choose/complaints";
import { keepable } from "../features/choose/keepable";
import { inForce, takesBuilt } from "../features/choose/offers";
import { useSaved } from "../features/environments/saved";
import { hasEnded, type Build } from "../lib/api-types";
import { forgetLink } from "../lib/address";
import { imageOption, type Page } from "../lib/page";
import { recall, remember } from "../lib/remembered";
import type { Service } from "../lib/service";
import { addressOf, refOf } from "../lib/spec";
import { useArrivals } from "./arrivals";
import { CHOOSING, reduce } from "./flow";

export type Visit = ReturnType<typeof useVisit>;

export function useVisit(page: Page, service: Service) {
  const remembered = useMemo(() => usable(page), [page]);
  const [choice, tellChoice] = useReducer(reduceChoice, null, () => firstChoice(page, remembered));
  const [flow, tell] = useReducer(reduce, CHOOSING);
  const [finding, setFinding] = useState(Boolean(remembered?.build));
  const touched = useRef(page.linked);
  const wanted = useMemo(() => page.profiles.some((profile) => takesBuilt(imageOption(profile))), [page]);

  const saved = useSaved(service, wanted, (environments) => {
    tellChoice({ type: "saved", environments });
  });
  const arrivals = useArrivals(service, wanted, remembered?.build ?? null, (build, ours) => {
    setFinding(false);
    // A build begun elsewhere is shown at once, but not over the head of somebody who has begun to choose, nor in
    // place of what a link asks for.
    if (!build || (touched.current && !ours)) return;
    asFound(build).forEach(tellChoice);
    tell({ type: "watching", build, startsItself: ours && !hasEnded(build.phase) });
  });
  const now = inForce(page, choice, saved.environments, arrivals.engine);

  useEffect(() => {
    if (!flow.build && !flow.sending) return;
    remember(keepable(choice, flow.sending ? null : (flow.build?.id ?? null)));
    if (page.linked) forgetLink();
  }, [flow.build, flow.sending]);

  const touch = () => {
    touched.current = true;
  };
  return {
    ...{ service, choice, flow, tell, saved, arrivals, now, finding: finding && wanted, touch },
    complaints: complaintsOf(choice, now),
    tellChoice: (event: ChoiceEvent) => {
      touch();
      tellChoice(event);
    },
  };
}

/** The repository fields as whoever asked for `build` must have filled them in. */
const asFound = ({ spec }: Build): ChoiceEvent[] => [
  { type: "source", source: "repository" },
  { type: "repository", change: { address: addressOf(spec), ref: refOf(spec), subdir: spec.subdir } },
];

/** What this tab remembers is used after a reload during a build and after a refused start, and at no other time. */
function usable(page: Page) {
  if (page.linked) return null;
  const remembered = recall();
  if (remembered && (remembered.build || page.problem)) return remembered;
  remember(null);
  return null;
}
