// The build in place of the form: where it is, its log, how it ended, and what can be done now.
import { useEffect } from "preact/hooks";
import { useClock } from "../../components/clock";
import type { Build } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { refOf, shortCommit } from "../../lib/spec";
import { duration } from "../../lib/time";
import { isOver, type Watched } from "./build";
import { LogTools } from "./log-tools";
import { LogView } from "./log-view";
import { Outcome } from "./outcome";
import { Plan } from "./plan";
import { Stepper } from "./stepper";
import { doing } from "./steps";
import { useWatch } from "./use-watch";

export interface PanelProps {
  service: Service;
  first: Build;
  /** The environment is ready: told once, at once if it is so already. */
  onReady: (build: Build) => void;
  onStart: (build: Build) => void;
  /** Back to the form, to change what was asked for. */
  onChange: () => void;
  /** Back to the form; the build, if it still runs, goes on. */
  onLeave: () => void;
  /** Another build of the same has begun. */
  onAgain: (build: Build) => void;
  /** The server is being started with this build. */
  starting: boolean;
}

export function BuildPanel(props: PanelProps) {
  const { service, first, onReady } = props;
  const [state, tell] = useWatch(service, first);
  const { build } = state;
  useEffect(() => {
    if (build.phase === "ready") onReady(build);
  }, [build.phase]);
  return (
    <section class="hk-panel" aria-labelledby="hk-build-title">
      <header class="hk-panel-head">
        <h2 id="hk-build-title">{build.title}</h2>
        <p class="hk-hint">{origin(build)}</p>
      </header>
      <Standing state={state} service={service} starting={props.starting} />
      <Stepper entered={state.entered} />
      <Plan state={state} />
      <Outcome state={state} tell={tell} {...props} />
      <LogView screen={state.screen} />
      <LogTools state={state} service={service} />
    </section>
  );
}

function origin(build: Build): string {
  const parts = [refOf(build.spec), build.commit ? `commit ${shortCommit(build.commit)}` : "", build.spec.subdir && `folder ${build.spec.subdir}`];
  return parts.filter(Boolean).join(" · ") || "default branch";
}

function Standing({ state, service, starting }: { state: Watched; service: Service; starting: boolean }) {
  const { build } = state;
  const now = useClock(service.now, !isOver(state));
  const end = build.finished ? Date.parse(build.finished) : now;
  const queued = build.phase === "queued" && build.queue_position ? `, place ${String(build.queue_position)} in the queue` : "";
  return (
    <div class="hk-standing">
      <p role="status" class="hk-phase">
        {starting ? "Ready. Starting your server…" : doing(build.phase) + queued}
      </p>
      <p class="hk-elapsed">
        <span class="hk-unseen">Elapsed: </span>
        {duration((end - Date.parse(build.created)) / 1000)}
      </p>
      {state.connection === "lost" && !isOver(state) && !state.problem && (
        <p class="hk-lost" role="status">
          Connection lost, reconnecting… The build itself goes on.
        </p>
      )}
    </div>
  );
}
