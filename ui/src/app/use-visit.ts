// One visit to the page: ties the features together; each of them knows nothing of the others.
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import { startBuild } from "../features/build/api";
import { firstChoice, reduce as reduceChoice } from "../features/choose/choice";
import { complaintsOf } from "../features/choose/complaints";
import { postedFields, type Made } from "../features/choose/fields";
import { inForce, takesBuilt } from "../features/choose/offers";
import { keepable } from "../features/choose/keepable";
import { requestOf } from "../features/choose/request";
import { useSaved } from "../features/environments/saved";
import type { Build } from "../lib/api-types";
import { problemOf } from "../lib/failure";
import { imageOption, type Page } from "../lib/page";
import { recall, remember } from "../lib/remembered";
import type { Service } from "../lib/service";
import { addressOf, refOf } from "../lib/spec";
import { useArrivals } from "./arrivals";
import { CHOOSING, reduce } from "./flow";

export function useVisit(page: Page, service: Service) {
  const remembered = useMemo(() => usable(page), [page]);
  const [choice, tellChoice] = useReducer(reduceChoice, null, () => firstChoice(page, remembered));
  const [flow, tell] = useReducer(reduce, CHOOSING);
  const wanted = useMemo(() => page.profiles.some((profile) => takesBuilt(imageOption(profile))), [page]);
  const [dismissed, setDismissed] = useState(false);

  const attach = (build: Build, ours: boolean) => {
    const { subdir } = build.spec;
    tellChoice({ type: "repository", change: { address: addressOf(build.spec), ref: refOf(build.spec), subdir } });
    tellChoice({ type: "source", source: "repository" });
    tell({ type: "watching", build, startsItself: ours });
  };
  const saved = useSaved(service, wanted, (environments) => {
    tellChoice({ type: "saved", environments });
  });
  const arrivals = useArrivals(service, wanted, remembered?.build ?? null, attach);
  const now = inForce(page, choice, saved.environments, arrivals.engine);
  const complaints = complaintsOf(choice, now);

  useEffect(() => {
    if (flow.build || flow.sending) remember(keepable(choice, flow.build?.id ?? null));
  }, [flow.build, flow.sending]);

  const send = (made: Made | null) => {
    tell({ type: "sent", fields: postedFields(choice, now, made) });
  };
  const build = async () => {
    tell({ type: "asked" });
    try {
      tell({ type: "watching", build: await startBuild(service, requestOf(choice.repository)), startsItself: true });
    } catch (error) {
      tell({ type: "refused", problem: problemOf(error) });
    }
  };
  const press = () => {
    if (flow.asking || flow.sending || flow.build) return;
    setDismissed(true);
    const fields = Object.keys(complaints);
    tellChoice({ type: "left", fields });
    if (fields[0]) document.getElementById(`hk-field-${fields[0]}`)?.focus();
    else if (now.source === "repository") void build();
    else send(null);
  };

  return {
    choice,
    tellChoice,
    flow,
    tell,
    saved,
    arrivals,
    now,
    press,
    /** Complaints about fields that the user has done with. */
    complaints: Object.fromEntries(Object.entries(complaints).filter(([field]) => choice.left.includes(field))),
    /** Why the hub refused the last attempt, until the next one. */
    refused: dismissed ? "" : page.problem,
    /** Starts the server in what `build` made. */
    startWith: (build: Build) => {
      if (build.image) send({ image: build.image, spec: build.spec });
      else tell({ type: "refused", problem: { code: "no_image", message: "The build gave no image.", hint: "Build it again." } });
    },
    choose: () => {
      remember(null);
      tell({ type: "chosen-again" });
      arrivals.refresh();
    },
  };
}

/** What this tab remembers is used after a reload during a build and after a refused start, and at no other time. */
function usable(page: Page) {
  const remembered = recall();
  if (remembered && (remembered.build || page.problem)) return remembered;
  remember(null);
  return null;
}
