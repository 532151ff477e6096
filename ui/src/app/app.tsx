// The page: the form or the build in its place, and the one button.
import { useState } from "preact/hooks";
import { Button } from "../components/button";
import { useKeptFocus } from "../components/kept-focus";
import { ProblemNotice } from "../components/notice";
import { useSaid } from "../components/said";
import { StartPanel } from "../features/start/start-panel";
import type { Step } from "../features/start/start-server";
import { t } from "../lib/language";
import type { Page } from "../lib/page";
import type { Ports } from "../lib/ports";
import { makeService } from "../lib/service";
import { actionsOf, type Actions } from "./actions";
import { Choosing } from "./choosing";
import { BuildPanel, usePartsSoon } from "./parts";
import { useBack } from "./use-back";
import { useLinkStart } from "./use-link-start";
import { useStart } from "./use-start";
import { useHubForm } from "./hub-form";
import { usePress } from "./use-press";
import { useVisit, type Visit } from "./use-visit";

interface Props {
  page: Page;
  ports: Ports;
  /** The element that the page is drawn into, inside the hub's form. */
  root: Element;
}

export function App({ page, ports, root }: Props) {
  const [service] = useState(() => makeService(page, ports));
  const [said, say] = useSaid();
  const visit = useVisit(page, service);
  const actions = actionsOf(visit);
  useLinkStart(page, visit, actions);
  useBack(service, visit.flow.build?.id ?? null, actions.leave, (build) => {
    actions.watch(build, false, false);
  });
  useKeptFocus();
  usePartsSoon();
  const steps = useStart(root, visit);
  useHubForm(root, usePress(visit, actions.press), actions.cameBack);
  return (
    <>
      <p role="status" class="hk-unseen">
        {visit.finding ? t("Finding your build…") : said}
      </p>
      <Middle {...{ page, visit, actions, say, steps }} />
    </>
  );
}

interface MiddleProps {
  page: Page;
  visit: Visit;
  actions: Actions;
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
  /** What the hub tells of the server's start. */
  steps: readonly Step[];
}

function Middle({ page, visit, actions, say, steps }: MiddleProps) {
  const { flow, service, finding } = visit;
  if (finding) return <p>{t("Finding your build…")}</p>;
  if (!flow.build && flow.sending) return <StartPanel title={titleOf(visit)} steps={steps} say={say} />;
  if (!flow.build) return <Choosing {...{ page, visit, actions }} />;
  return (
    <>
      <BuildPanel
        key={flow.build.id}
        service={service}
        say={say}
        first={flow.build}
        starting={flow.sending ? <StartPanel title="" steps={steps} say={say} /> : null}
        onReady={(build) => {
          if (flow.startsItself) actions.startWith(build);
        }}
        onStart={actions.startWith}
        onChange={actions.change}
        onFix={actions.fix}
        asOf={flow.asked ? visit.choice.repository.asOf : "today"}
        onLeave={actions.leave}
        onAgain={(build) => {
          actions.watch(build, flow.asked, flow.startsItself);
        }}
      />
      {flow.problem && (
        <ProblemNotice problem={flow.problem}>
          <Button onClick={actions.change}>{t("Back to the form")}</Button>
        </ProblemNotice>
      )}
    </>
  );
}

/** What is started without a build. */
function titleOf({ now, choice }: Visit): string {
  if (now.source === "typed") return choice.typed.trim();
  if (now.picked?.kind === "saved") return now.picked.environment.name;
  const listed = now.picked?.kind === "choice" ? now.option?.choices?.[now.picked.key]?.display_name : "";
  return listed || now.profile?.display_name || t("Your server");
}
