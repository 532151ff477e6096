// The form: resources, environment, the button, and builds that wait for a decision.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { UnfinishedBuilds } from "../features/build/recent";
import { AllowanceLine } from "../features/choose/allowance-line";
import { EnvironmentChoice } from "../features/choose/environment";
import { resourcesOf, saidOf } from "../features/choose/kept-resources";
import { REPOSITORY } from "../features/choose/choice";
import { Share } from "../features/links/share";
import { Resources } from "../features/choose/resources";
import { SavedList } from "../features/environments/saved-list";
import type { Problem } from "../lib/api-types";
import { t } from "../lib/language";
import { rootOf } from "../lib/opening";
import type { Page } from "../lib/page";
import type { Actions } from "./actions";
import type { Visit } from "./use-visit";

interface Props {
  page: Page;
  visit: Visit;
  actions: Actions;
}

export function Choosing({ page, visit, actions }: Props) {
  const { flow, choice, tellChoice, now, arrivals, service, recognition, forecast } = visit;
  const complaints = Object.fromEntries(Object.entries(visit.complaints).filter(([field]) => choice.left.includes(field)));
  const trouble = arrivals.problem ?? (visit.saved.loaded && now.source === "listed" ? null : visit.saved.problem);
  const starts = now.source === "listed" && now.picked?.kind === "saved" ? saidOf(page, now.picked.environment.resources) : "";
  const form = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    const field = flow.field ? document.getElementById(`hk-field-${flow.field}`) : null;
    const folded = field?.closest("details");
    if (folded) folded.open = true;
    if (flow.cameBackTo) (field ?? form.current)?.focus();
  }, []);
  return (
    <fieldset class="hk-all" tabIndex={-1} ref={form} disabled={flow.asking}>
      <legend class="hk-unseen">{t("What to start")}</legend>
      {page.linked && <Linked />}
      <Refused page={page} />
      <Resources page={page} choice={choice} complaints={complaints} engine={arrivals.engine} tell={tellChoice} />
      {page.profiles.length === 0 && <p>{t("This hub starts every server in the same way.")}</p>}
      <EnvironmentChoice
        {...{ choice, now, complaints, recognition, forecast, service }}
        tell={tellChoice}
        saved={<Saved page={page} visit={visit} />}
        share={<Share page={page} link={recognition.found?.link ?? ""} subdir={choice.repository.subdir} packages={recognition.found?.spec?.packages ?? []} open={choice.opens[REPOSITORY] ?? ""} />}
      />
      <p role="status" class="hk-hint">
        {starts && t("Starts with: {resources}", { resources: starts })}
      </p>
      {trouble && <ProblemNotice problem={trouble} />}
      {flow.problem && <ProblemNotice problem={flow.problem} takesFocus />}
      {(now.source === "repository" || now.picked?.kind === "saved") && <AllowanceLine service={service} builds={now.source === "repository"} />}
      <div class="hk-go">
        <Button weight="primary" type="submit">
          {now.source === "repository" ? t("Build and start") : t("Start")}
        </Button>
        <span role="status">{flow.asking ? (now.source === "repository" ? t("Asking for the build…") : t("Starting your server…")) : ""}</span>
      </div>
      <UnfinishedBuilds
        builds={arrivals.builds}
        service={service}
        onWatch={(build) => {
          actions.watch(build, false, false);
        }}
      />
    </fieldset>
  );
}

/** A link has filled the form in; whoever followed it has not chosen anything yet. */
const Linked = () => (
  <div class="hk-notice hk-notice-told" role="status">
    <p class="hk-notice-title">{t("A link filled this form in.")}</p>
    <p>{t("What it asks for will work with your files. Start it if you trust where it comes from.")}</p>
  </div>
);

/** Why the hub refused the last attempt, unless its own page says so already. */
function Refused({ page }: { page: Page }) {
  const [said] = useState(() => document.querySelector(".spawn-error-msg") !== null);
  const problem: Problem = { code: "hub", message: page.problem, hint: t("Change your choice and start again.") };
  return page.problem && !said ? <ProblemNotice problem={problem} /> : null;
}

function Saved({ page, visit }: Pick<Props, "page" | "visit">) {
  const { picked } = visit.now;
  return (
    <SavedList
      all={`${rootOf(page)}hub/environments`}
      service={visit.service}
      saved={visit.saved}
      user={page.user}
      now={visit.service.now()}
      chosen={picked?.kind === "saved" ? picked.environment.id : ""}
      onChoose={(id) => {
        const kept = visit.saved.environments.find((one) => one.id === id)?.resources;
        visit.tellChoice({ type: "listed", listed: `saved:${id}`, resources: resourcesOf(page, kept) });
      }}
    />
  );
}
