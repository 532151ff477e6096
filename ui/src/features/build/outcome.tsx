// What can be done now: cancel while it runs; at its end start, try again or change.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { hasEnded, type Build, type Problem } from "../../lib/api-types";
import { Failure, mayPass, problemOf } from "../../lib/failure";
import { buildAgain, cancelBuild } from "./api";
import type { Watched, WatchEvent } from "./build";
import { fixOf } from "./fixes";
import type { PanelProps } from "./build-panel";
import { t } from "../../lib/language";

interface Props extends PanelProps {
  state: Watched;
  tell: (event: WatchEvent) => void;
}

export function Outcome(props: Props) {
  const { state, service, starting } = props;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    await work().catch((error: unknown) => {
      if (!(error instanceof Failure && error.status === 409)) setProblem(problemOf(error));
    });
    setBusy(false);
  };
  const cancel = async () => {
    const left = await cancelBuild(service, state.build.id);
    if (hasEnded(left.phase)) props.tell({ type: "known", build: left });
    else props.onLeave();
  };
  const again = async () => {
    props.onAgain(await buildAgain(service, state.build.id));
  };
  if (starting) return null;
  return (
    <>
      <Ending {...props} busy={busy} again={() => void act(again)} cancel={() => void act(cancel)} />
      {state.problem && (
        <ProblemNotice problem={state.problem}>
          <Button onClick={props.onLeave}>{props.back ?? t("Back to the form")}</Button>
        </ProblemNotice>
      )}
      {problem && <ProblemNotice problem={problem} takesFocus />}
    </>
  );
}

interface EndingProps extends Props {
  busy: boolean;
  again: () => void;
  cancel: () => void;
}

function Ending({ state, asOf, onFix, back, onStart, onChange, onLeave, busy, again, cancel }: EndingProps) {
  const { build } = state;
  const fix = onFix ? fixOf(build, asOf ?? "today") : null;
  const mine = build.phase === "failed" && !mayPass(build.error);
  const change = (
    <Button weight={mine && !fix ? "primary" : "plain"} onClick={onChange} disabled={busy}>
      {back ?? t("Change")}
    </Button>
  );
  const retry = (
    <Button weight={mine ? "plain" : "primary"} onClick={again} disabled={busy}>
      {build.phase === "failed" ? t("Try again") : t("Build again")}
    </Button>
  );
  switch (build.phase) {
    case "ready":
      return <Ready build={build} onStart={onStart} change={change} />;
    case "failed":
      return (
        <ProblemNotice problem={build.error ?? unexplained()} takesFocus>
          {fix && (
            <Button
              weight="primary"
              disabled={busy}
              onClick={() => {
                onFix?.(fix);
              }}
            >
              {fix.label}
            </Button>
          )}
          {mine && !fix?.field && change}
          {build.retryable && retry}
          {!mine && change}
        </ProblemNotice>
      );
    case "cancelled":
    case "interrupted":
      return (
        <div class="hk-buttons">
          {retry}
          {change}
        </div>
      );
    default:
      return (
        // Its own element: what a finger rests on to cancel must not become what builds again.
        <div key="running" class="hk-buttons">
          <Button onClick={cancel} disabled={busy}>
            {t("Cancel build")}
          </Button>
          <Button weight="quiet" onClick={onLeave} disabled={busy}>
            {t("Leave it running")}
          </Button>
        </div>
      );
  }
}

function Ready({ build, onStart, change }: { build: Build; onStart: (build: Build) => void; change: preact.ComponentChild }) {
  return (
    <div class="hk-buttons">
      <Button
        weight="primary"
        onClick={() => {
          onStart(build);
        }}
      >
        {t("Start")}
      </Button>
      {change}
    </div>
  );
}

const unexplained = (): Problem => ({ code: "build_failed", message: t("The build failed."), hint: t("The log may say why."), own: true });
