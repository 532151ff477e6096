// The page: the form or the build in its place, and the one button.
import { useState } from "preact/hooks";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { BuildPanel } from "../features/build/build-panel";
import { UnfinishedBuilds } from "../features/build/recent";
import { EnvironmentChoice } from "../features/choose/environment";
import type { Field } from "../features/choose/fields";
import { Resources } from "../features/choose/resources";
import { SavedList } from "../features/environments/saved-list";
import type { Page } from "../lib/page";
import type { Ports } from "../lib/ports";
import { makeService, type Service } from "../lib/service";
import { useHubForm } from "./hub-form";
import { useVisit } from "./use-visit";

interface Props {
  page: Page;
  ports: Ports;
  /** The element that the page is drawn into, inside the hub's form. */
  root: Element;
}

type Visit = ReturnType<typeof useVisit>;

export function App({ page, ports, root }: Props) {
  const [service] = useState(() => makeService(page, ports));
  const visit = useVisit(page, service);
  const { flow, tell } = visit;
  useHubForm(root, flow.sending, visit.press, () => {
    tell({ type: "came-back" });
  });
  return (
    <>
      {flow.build ? <Building visit={visit} service={service} /> : <Choosing page={page} visit={visit} service={service} />}
      {flow.sending && <HiddenFields fields={flow.sending} />}
    </>
  );
}

function Choosing({ page, visit, service }: { page: Page; visit: Visit; service: Service }) {
  const { flow, choice, tellChoice, complaints, now, saved, arrivals } = visit;
  const trouble = arrivals.problem ?? (saved.loaded ? null : saved.problem);
  return (
    <fieldset class="hk-all" disabled={Boolean(flow.sending) || flow.asking}>
      <legend class="hk-unseen">What to start</legend>
      {visit.refused && <ProblemNotice problem={{ code: "hub", message: visit.refused, hint: "Change your choice and start again." }} />}
      <Resources page={page} choice={choice} complaints={complaints} tell={tellChoice} />
      <EnvironmentChoice choice={choice} now={now} complaints={complaints} tell={tellChoice} saved={<Saved {...{ page, visit, service }} />} />
      {trouble && <ProblemNotice problem={trouble} />}
      {flow.problem && <ProblemNotice problem={flow.problem} takesFocus />}
      <div class="hk-go">
        <Button weight="primary" type="submit">
          {now.source === "repository" ? "Build and start" : "Start"}
        </Button>
        <span role="status">{flow.sending ? "Starting your server…" : flow.asking ? "Asking for the build…" : ""}</span>
      </div>
      <UnfinishedBuilds
        builds={arrivals.builds}
        service={service}
        onWatch={(build) => {
          show(visit, build, false);
        }}
      />
    </fieldset>
  );
}

function Saved({ page, visit, service }: { page: Page; visit: Visit; service: Service }) {
  const { picked } = visit.now;
  return (
    <SavedList
      saved={visit.saved}
      user={page.user}
      now={service.now()}
      chosen={picked?.kind === "saved" ? picked.environment.id : ""}
      onChoose={(id) => {
        visit.tellChoice({ type: "listed", listed: `saved:${id}` });
      }}
    />
  );
}

function Building({ visit, service }: { visit: Visit; service: Service }) {
  const { flow } = visit;
  if (!flow.build) return null;
  return (
    <>
      <BuildPanel
        key={flow.build.id}
        service={service}
        first={flow.build}
        starting={flow.sending !== null}
        onReady={(build) => {
          if (flow.startsItself) visit.startWith(build);
        }}
        onStart={visit.startWith}
        onChange={visit.choose}
        onAgain={(build) => {
          show(visit, build, flow.startsItself);
        }}
      />
      {flow.problem && <ProblemNotice problem={flow.problem} />}
    </>
  );
}

const show = (visit: Visit, build: Visit["flow"]["build"] & object, startsItself: boolean) => {
  visit.tell({ type: "watching", build, startsItself });
};

const HiddenFields = ({ fields }: { fields: readonly Field[] }) => (
  <>
    {fields.map(([name, value]) => (
      <input key={name} type="hidden" name={name} value={value} />
    ))}
  </>
);
